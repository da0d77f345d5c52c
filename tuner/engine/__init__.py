"""Ray's side of a search: the cluster, the trial's process, and thin adapters around `tuner.search.Search`."""
