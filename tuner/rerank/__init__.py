"""Attacks the best trials of a search again on validation images, and compares the order before and after."""
