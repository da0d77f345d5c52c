"""Detects that a training has diverged."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from training.config import TrialConfig
from training.registry import OBJECTIVES, file_key


class DivergedError(ArithmeticError):
    """A loss term or a weight is not finite: `term` names the first one. `epoch` counts from 1."""

    def __init__(self, term: str, epoch: int, way_out: str) -> None:
        self.term = term
        self.epoch = epoch
        self.way_out = way_out
        super().__init__(term, epoch, way_out)

    def __str__(self) -> str:
        return f"Training diverged in epoch {self.epoch}: {self.term} is not finite; {self.way_out}."


def way_out_of(config: TrialConfig) -> str:
    """Return what a user can do against divergence, by the keys that this configuration has."""
    knobs = OBJECTIVES[config.objective].knobs
    if "lam" in knobs:
        floor = config.knobs.get("regularise") == "latent" and config.bottleneck > 0
        return "lower learning_rate or lambda" + (", or raise sigma_floor" if floor else "")
    own = f" or change {', '.join(map(file_key, knobs))}" if knobs else ""
    return f"lower learning_rate{own}"


def require_finite(losses: Mapping[str, Tensor], model: nn.Module, config: TrialConfig, *, epoch: int) -> None:
    """Raise DivergedError if one of the losses, (steps,) each, or a weight is not finite."""
    broken = ~torch.stack(list(losses.values()), dim=1).isfinite()
    if broken.any():
        first_step = broken.any(dim=1).int().argmax()
        raise DivergedError(f"loss/{list(losses)[int(broken[first_step].int().argmax())]}", epoch, way_out_of(config))
    # The last update may have made the weights infinite after its loss was computed.
    if not torch.stack([weight.isfinite().all() for weight in model.parameters()]).all():
        raise DivergedError("a weight", epoch, way_out_of(config))
