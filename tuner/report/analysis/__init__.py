"""What a search says, as plain values: fronts, choices, curves, importances, confirmations."""
