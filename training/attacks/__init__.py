"""Attacks inside training and for the validation accuracy."""

from training.attacks.pgd import frozen, pgd

__all__ = ["frozen", "pgd"]
