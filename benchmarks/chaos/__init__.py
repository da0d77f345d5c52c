"""Kill processes of searches on digits at random moments and check what was lost: `python -m benchmarks.chaos`."""
