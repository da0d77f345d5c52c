"""The driver process of a search: plan it, write or open it on disk, lock it, run it, conclude."""
