"""Detects that a training has diverged."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn


class DivergedError(ArithmeticError):
    """A loss term or a weight is not finite: `term` names the first one, `epoch` counts from 1."""

    def __init__(self, term: str, epoch: int) -> None:
        self.term = term
        self.epoch = epoch
        super().__init__(term, epoch)

    def __str__(self) -> str:
        return (
            f"Training diverged in epoch {self.epoch}: {self.term} is not finite;"
            " lower learning_rate or lambda, or raise sigma_floor."
        )


def require_finite(losses: Mapping[str, Tensor], model: nn.Module, *, epoch: int) -> None:
    """Raise DivergedError if one of the losses, (steps,) each, or a weight is not finite."""
    broken = ~torch.stack(list(losses.values()), dim=1).isfinite()
    if broken.any():
        first_step = broken.any(dim=1).int().argmax()
        raise DivergedError(f"loss/{list(losses)[int(broken[first_step].int().argmax())]}", epoch)
    # The last update may have made the weights infinite after its loss was computed.
    if not torch.stack([weight.isfinite().all() for weight in model.parameters()]).all():
        raise DivergedError("a weight", epoch)
