"""The driver process of a search: plan, create or open, lock, run, conclude."""
