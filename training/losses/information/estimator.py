"""The interface of the estimators of mutual information I(z; z'), and a base class for those that learn nothing."""

from collections.abc import Mapping
from typing import Any, Protocol

from torch import Tensor


class InformationEstimator(Protocol):
    """An estimate of I(z; z') that the encoder maximises; Yu et al. 2023, eq. 16, 18-20 and Table 13.

    `first` and `second` are z and z', (batch, dimensions) each, paired by row. An attribute
    `unrecorded` may give the reason why a step with this estimator cannot be one CUDA graph.
    """

    def __call__(self, first: Tensor, second: Tensor) -> Tensor:
        """Return a scalar whose gradient with respect to `first` and `second` raises the information.

        The weights of the estimator itself get no gradient. Raise ValueError if the batch is too small.
        """

    def update(self, first: Tensor, second: Tensor) -> None:
        """Take the learning step of the estimator, if it has one; no gradient reaches `first` and `second`.

        Call it after the backward pass of a call, because the backward pass needs the weights of that call.
        """

    def diagnostics(self) -> Mapping[str, Tensor]:
        """Return by name the detached scalars of the last call or update to log."""

    def state_dict(self) -> dict[str, Any]:
        """Return everything that later results depend on, as tensors and plain values."""

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue bit for bit from `state`, a result of `state_dict`."""


class WithoutLearning:
    """The other methods of an InformationEstimator whose value depends only on its arguments."""

    def update(self, first: Tensor, second: Tensor) -> None:
        """Do nothing: there is nothing to learn."""

    def diagnostics(self) -> Mapping[str, Tensor]:
        """Return no diagnostics."""
        return {}

    def state_dict(self) -> dict[str, Any]:
        """Return an empty state."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Do nothing: there is no state."""
