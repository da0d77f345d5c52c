"""What all objectives have in common: an attack that training defends against, terms, and their weights."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, NamedTuple

from torch import Tensor

from training.attacks import TrainingAttack
from training.losses.forward_pass import ForwardPass


class Batch(NamedTuple):
    """Images (batch, channels, height, width) in [0, 1], labels (batch,), and their places in the training set."""

    images: Tensor
    labels: Tensor
    indices: Tensor


class Objective(ABC):
    """A loss made of named terms. `ramped`: whether lambda rises during training, or is what it is at once.

    An objective may learn something of its own beside the model; the methods after `weights` are for that.
    """

    ramped = False

    @abstractmethod
    def terms(self, batch: Batch, attack: TrainingAttack, look: ForwardPass) -> dict[str, Tensor]:
        """Return each term before weighting, a scalar, in the order of the computation."""

    @abstractmethod
    def weights(self, lam: float) -> dict[str, float]:
        """Return the weight of each term, at the present lambda."""

    def after_step(self) -> None:  # noqa: B027 - most objectives learn nothing
        """Learn from the batch of the last `terms`, once the model has taken its step."""

    def diagnostics(self) -> Mapping[str, Tensor]:
        """Return detached scalars of the last step that are worth logging beside the terms, by name."""
        return {}

    def state_dict(self) -> dict[str, Any]:
        """Return all that later steps depend on, as tensors and plain values."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:  # noqa: B027 - as above
        """Continue bit for bit from `state`, which `state_dict` gave."""


def weighted_total(terms: Mapping[str, Tensor], weights: Mapping[str, float]) -> Tensor:
    """Return the loss: the sum of the terms times their weights, in the terms' order."""
    first, *rest = (weights[name] * term for name, term in terms.items())
    for summand in rest:
        first = first + summand
    return first
