"""Kills at random moments in searches on digits, and what they cost: `python -m benchmarks.chaos`."""
