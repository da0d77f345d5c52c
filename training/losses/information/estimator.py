"""What every estimator of the mutual information I(z; z') offers, and the default for those that learn nothing."""

from collections.abc import Mapping
from typing import Any, Protocol

from torch import Tensor


class InformationEstimator(Protocol):
    """An estimate of I(z; z') to be maximised by the encoder; Yu et al. 2023, eq. 16, 18-20 and Table 13.

    `first` and `second`, z and z', are (batch, dimensions) each, paired by row.
    """

    def __call__(self, first: Tensor, second: Tensor) -> Tensor:
        """Return a scalar whose gradient with respect to `first` and `second` raises the information.

        Weights of the estimator itself get no gradient. Raise ValueError if the batch is too small.
        """

    def update(self, first: Tensor, second: Tensor) -> None:
        """Take the estimator's own learning step, if it has one; no gradient reaches `first` and `second`.

        Not between the call and its backward pass, which needs the weights of the call.
        """

    def diagnostics(self) -> Mapping[str, Tensor]:
        """Return detached scalars of the last call or update that are worth logging, by name."""

    def state_dict(self) -> dict[str, Any]:
        """Return all that later results depend on, as tensors and plain values."""

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue bit for bit from `state`, which `state_dict` gave."""


class WithoutLearning:
    """The rest of an InformationEstimator whose value depends on its arguments alone."""

    def update(self, first: Tensor, second: Tensor) -> None:
        """Do nothing: there is nothing to learn."""

    def diagnostics(self) -> Mapping[str, Tensor]:
        """Return none."""
        return {}

    def state_dict(self) -> dict[str, Any]:
        """Return an empty state."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Accept the empty state; raise ValueError if `state` is of another estimator."""
        if state:
            raise ValueError(f"The state has {', '.join(sorted(state))}, but this estimator has none.")
