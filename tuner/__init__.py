"""Distributed multi-objective search over adversarial training: Ray Tune runs it, a ledger records it."""
