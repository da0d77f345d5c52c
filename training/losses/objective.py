"""The interface of all objectives: their terms on a batch, given an attack, and the weights of the terms."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, NamedTuple

from torch import Tensor

from training.attacks import TrainingAttack
from training.losses.forward_pass import ForwardPass


class Batch(NamedTuple):
    """Images (batch, channels, height, width) in [0, 1], labels (batch,) and their indices in the training set."""

    images: Tensor
    labels: Tensor
    indices: Tensor


class Objective(ABC):
    """A loss that is a weighted sum of named terms. `ramped` says whether lambda rises during training.

    An objective may learn something of its own beside the model; the methods after `weights` are for such objectives.
    """

    ramped = False

    @abstractmethod
    def terms(self, batch: Batch, attack: TrainingAttack, forward_pass: ForwardPass) -> dict[str, Tensor]:
        """Return each term before weighting, a scalar, in the order of the sum."""

    @abstractmethod
    def weights(self, lam: float) -> dict[str, float]:
        """Return the weight of each term for the present lambda."""

    def after_step(self) -> None:  # noqa: B027 - most objectives learn nothing
        """Learn from the batch of the last call of `terms`, after the step of the model."""

    def diagnostics(self) -> Mapping[str, Tensor]:
        """Return by name the detached scalars of the last step to log beside the terms."""
        return {}

    def state_dict(self) -> dict[str, Any]:
        """Return everything that later steps depend on, as tensors and plain values."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:  # noqa: B027 - as above
        """Continue bit for bit from `state`, a result of `state_dict`."""


def weighted_total(terms: Mapping[str, Tensor], weights: Mapping[str, float]) -> Tensor:
    """Return the loss: the sum of the terms times their weights, in the order of the terms."""
    first, *rest = (weights[name] * term for name, term in terms.items())
    for summand in rest:
        first = first + summand
    return first
