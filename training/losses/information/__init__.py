"""Estimators of the mutual information I(z; z') with a common interface; Yu et al. 2023, Table 13."""

from collections.abc import Callable

import torch

from training.losses.information.estimator import InformationEstimator
from training.losses.information.hsic import Hsic
from training.losses.information.mige import Mige
from training.losses.information.mine import Mine

__all__ = ["Hsic", "InformationEstimator", "Mige", "Mine", "build_estimator"]


def build_estimator(
    name: str,
    *,
    dimensions: int,
    generator: torch.Generator,
    neighbours: int,
    normalisation: str = "biased",
    width: str = "nearest",
) -> InformationEstimator:
    """Build the estimator `name`, one of `training.config.ESTIMATORS`, for views of (batch, `dimensions`).

    `neighbours`, `normalisation` and `width` are options of HSIC. `generator`, on the device of the views, draws the
    shuffles of MINE; the initial weights of MINE's critic come from torch's global generator.
    """
    builders: dict[str, Callable[[], InformationEstimator]] = {
        "hsic": lambda: Hsic(neighbours=neighbours, normalisation=normalisation, width=width),
        "mine": lambda: Mine(dimensions, generator=generator),
        "mige": Mige,
    }
    return builders[name]()
