"""Attacks inside training and for the validation accuracy."""

from training.attacks.attack_losses import cross_entropy_of, divergence_from, soft_logit_margin
from training.attacks.inner import Attack, InnerAttack
from training.attacks.pgd import ascend, frozen, gaussian_start, pgd, uniform_start

__all__ = [
    "Attack",
    "InnerAttack",
    "ascend",
    "cross_entropy_of",
    "divergence_from",
    "frozen",
    "gaussian_start",
    "pgd",
    "soft_logit_margin",
    "uniform_start",
]
