"""Confirmation: chosen trials of a search, trained again with several seeds and measured on the test set."""
