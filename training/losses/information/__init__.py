"""Estimators of the mutual information I(z; z') with a common interface; Yu et al. 2023, Table 13."""

from training.losses.information.estimator import InformationEstimator
from training.losses.information.hsic import Hsic
from training.losses.information.mige import Mige
from training.losses.information.mine import Mine

__all__ = ["Hsic", "InformationEstimator", "Mige", "Mine"]
