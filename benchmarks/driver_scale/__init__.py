"""How much one driver can take: reports a second, trials through Ray, and the largest ledger."""
