"""Estimators of the mutual information I(z; z') with a common interface; Yu et al. 2023, Table 13."""

import torch

from training.losses.information.estimator import InformationEstimator
from training.losses.information.hsic import Hsic
from training.losses.information.mige import Mige
from training.losses.information.mine import Mine

__all__ = ["ESTIMATORS", "Hsic", "InformationEstimator", "Mige", "Mine", "build_estimator"]

ESTIMATORS = ("hsic", "mine", "mige")


def build_estimator(
    name: str,
    *,
    dimensions: int,
    generator: torch.Generator,
    neighbours: int,
    normalisation: str = "biased",
    width: str = "nearest",
) -> InformationEstimator:
    """Build the estimator `name`, one of ESTIMATORS, for views of (batch, `dimensions`).

    `neighbours`, `normalisation` and `width` are options of HSIC. `generator`, on the device of the views, draws the
    shuffles of MINE; the initial weights of MINE's critic come from torch's global generator. Raise ValueError if the
    name is unknown.
    """
    if name == "hsic":
        return Hsic(neighbours=neighbours, normalisation=normalisation, width=width)
    if name == "mine":
        return Mine(dimensions, generator=generator)
    if name == "mige":
        return Mige()
    raise ValueError(f"The estimator is {name!r}, but must be one of {', '.join(ESTIMATORS)}.")
