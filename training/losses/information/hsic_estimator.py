"""HSIC as an estimator of the mutual information, the paper's choice; Yu et al. 2023, eq. 19."""

from torch import Tensor

from training.losses.hsic import hsic
from training.losses.information.estimator import WithoutLearning


class Hsic(WithoutLearning):
    """HSIC with RBF kernels: about 0 for independent views, as I(z; z') is, but not in nats."""

    def __init__(self, *, neighbours: int, normalisation: str = "biased", width: str = "nearest") -> None:
        """Take the options of `training.losses.hsic`."""
        self._neighbours = neighbours
        self._normalisation = normalisation
        self._width = width

    def __call__(self, first: Tensor, second: Tensor) -> Tensor:
        """Give HSIC of `first` and `second`, (batch, dimensions) each, a scalar."""
        return hsic(first, second, neighbours=self._neighbours, normalisation=self._normalisation, width=self._width)
