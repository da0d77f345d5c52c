"""A cluster of nodes with separate addresses on one machine, and a search that loses nodes and network."""
