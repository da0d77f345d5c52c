"""How good is the search for the epochs that it spends? Simulated, with the project's own `tuner.search.Search`."""
