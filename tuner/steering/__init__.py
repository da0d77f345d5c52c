"""Steer a search while it runs: what users ask for, what follows from it, and the state in which a search is."""
