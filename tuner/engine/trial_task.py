"""What a worker is told of one trial: an immutable task, sent through Ray Tune's config under one key.

A worker reads this module before its first trial. Nothing that it imports loads torch, Optuna or SQLAlchemy.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from training.config import TrialConfig
from tuner.pareto.epochs import undominated_epochs
from tuner.pareto.objectives import Objective

_KEY = "task"
# The key under which a trial reports the trainer's fallbacks.
FALLBACKS_KEY = "fallbacks"


@dataclass(frozen=True, kw_only=True)
class ConfirmationTask:
    """What a trial of a confirmation does besides training.

    `suite` names the attacks, unless `attacks` are named themselves. `norm` and `epsilon` are those of the balls; if
    one is None, that of the trial. `images` is the number of test images, 0 for all of them. The evaluation is kept in
    `folder`. `weights` is the checkpoint to measure; if it is None, the trial is trained first.
    """

    suite: str
    attacks: tuple[str, ...] = ()
    epsilon: float | None = None
    norm: str | None = None
    images: int
    folder: str
    weights: str | None


@dataclass(frozen=True)
class KeptEpochs:
    """Which epochs of a trial stay on disk beside the newest ones: those that can be points of the front."""

    objectives: tuple[Objective, ...]
    constraints: tuple[Objective, ...] = ()

    def of(self, history: Sequence[Mapping[str, float]]) -> tuple[int, ...]:
        """Return these epochs, from 1, of the metrics of all epochs so far."""
        return undominated_epochs(dict(enumerate(history, start=1)), self.objectives, self.constraints)


@dataclass(frozen=True, kw_only=True)
class TrialTask:
    """One trial of a search.

    The trial continues from the first of `checkpoints` that is whole; without one it starts from scratch. `gpus` is
    the trial's number of GPUs, or its share of one. `threads` is the number of torch threads of each of its
    `processes`; a trial on several GPUs has one process for each. `split_digest` identifies the validation images
    that the trial must find, and `start_digest` the file of `start_weights`; None accepts any.
    `confirmation` is None in a search. `kept` is None unless every evaluated epoch may be a point of the front.
    """

    number: int
    config: TrialConfig
    checkpoints: tuple[str, ...]
    device: str
    gpus: float
    threads: int
    processes: int
    split_digest: str | None
    start_digest: str | None
    confirmation: ConfirmationTask | None
    kept: KeptEpochs | None = None

    def __str__(self) -> str:
        """Return a short label: Ray Tune keeps one for each trial."""
        return f"trial {self.number}"

    def to_ray_config(self) -> dict[str, Any]:
        """Return the dictionary that Ray Tune wants as a trial's config."""
        return {_KEY: self}


def task_of(ray_config: Mapping[str, Any]) -> TrialTask:
    """Return the task in a trial's config of Ray Tune."""
    task: TrialTask = ray_config[_KEY]
    return task
