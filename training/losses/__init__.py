"""The objective of Yu et al. 2023 and the terms it is made of."""

from training.losses.hsic import hsic
from training.losses.objective import LossTerms, View, shared_information
from training.losses.symmetric_kl import symmetric_kl

__all__ = ["LossTerms", "View", "hsic", "shared_information", "symmetric_kl"]
