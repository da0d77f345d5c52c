"""Attacks inside training and for the validation accuracy."""

from training.attacks.pgd import ascend, cross_entropy_loss, divergence_loss, frozen, gaussian_start, pgd, uniform_start

__all__ = ["ascend", "cross_entropy_loss", "divergence_loss", "frozen", "gaussian_start", "pgd", "uniform_start"]
