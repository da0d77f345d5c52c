"""How much one driver can handle: reports a second, trials through Ray, and a large ledger."""
