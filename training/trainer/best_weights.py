"""The weights of the best epoch until now, kept beside those that train on: what `select: best` takes of a trial."""

import copy
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from torch import nn

from training.trainer.selected_epoch import best_epoch


class BestWeights:
    """The weights of the best epoch of a trial, on the CPU; none before its first evaluation or without `select: best`.

    `kept` is what a checkpoint has of them: the epoch, from 1, and the state_dict under `model`.
    """

    def __init__(self) -> None:
        self.kept: dict[str, Any] | None = None

    def update(self, history: Sequence[Mapping[str, float]], model: nn.Module) -> None:
        """Keep the weights of `model`, those after the last epoch of `history`, if that is the best one."""
        if best_epoch(history) == len(history):
            weights = {name: tensor.detach().to("cpu", copy=True) for name, tensor in model.state_dict().items()}
            self.kept = {"epoch": len(history), "model": weights}

    def epoch(self, last: int) -> int:
        """Return the epoch of the weights that stand for the trial, which has trained `last` epochs."""
        return last if self.kept is None else int(self.kept["epoch"])

    @contextmanager
    def given_to(self, model: nn.Module) -> Iterator[None]:
        """Put these weights into `model` for a block, if there are any; afterwards it has its own again."""
        if self.kept is None:
            yield
            return
        own = copy.deepcopy(model.state_dict())
        model.load_state_dict(self.kept["model"])
        try:
            yield
        finally:
            model.load_state_dict(own)
