"""A cluster of nodes with addresses of their own on one machine, and a search that loses nodes and network."""
