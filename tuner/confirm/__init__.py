"""The confirmation of chosen trials on the test set: which trials, their table, and what a confirmation may show."""
