"""A page on one search, also while it runs: what it shows, what it asks of the driver, and the server of both.

A request reads the ledger, or writes an instruction into it. It never drives the search.
"""
