"""The interface of all objectives: their terms on a batch, given an attack, and the weights of the terms."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, NamedTuple

from torch import Tensor

from training.attacks import TrainingAttack
from training.losses.forward_pass import ForwardPass
from training.registry_entry import Problems


class Batch(NamedTuple):
    """Images (batch, channels, height, width) in [0, 1], labels (batch,) and their indices in the training set."""

    images: Tensor
    labels: Tensor
    indices: Tensor


class Objective(ABC):
    """A loss that is a weighted sum of named terms.

    `one_process` is the reason why a trial with this objective cannot run on several GPUs, if there is one, and
    `unrecorded` why its step cannot be one CUDA graph. An objective may learn something of its own beside the model;
    the methods after `scheduled` are for such objectives.
    """

    one_process: str | None = None
    unrecorded: str | None = None

    @abstractmethod
    def terms(self, batch: Batch, attack: TrainingAttack, forward_pass: ForwardPass) -> dict[str, Tensor]:
        """Return each term before weighting, a scalar, in the order of the sum."""

    @abstractmethod
    def weights(self, progress: float) -> dict[str, float]:
        """Return the weight of each term after the fraction `progress` of the budget."""

    def scheduled(self, progress: float) -> dict[str, float]:  # noqa: ARG002 - most objectives follow no schedule
        """Return by name the knobs that a schedule may change, at the fraction `progress` of the budget, to log."""
        return {}

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


def weighted_total(terms: Mapping[str, Tensor], weights: Mapping[str, float | Tensor]) -> Tensor:
    """Return the loss: the sum of the terms times their weights, numbers or scalars, in the order of the terms."""
    first, *rest = (weights[name] * term for name, term in terms.items())
    for summand in rest:
        first = first + summand
    return first


def one_kind_of_images(values: Mapping[str, Any]) -> Problems:
    """Return the fault of a configuration whose objective sees clean or adversarial images only, in a joint pass."""
    if values["forward"] != "joint":
        return []
    return [("forward", f"{values['objective']} sees one kind of images only: there is nothing to join")]
