"""What tables, files and figures show of one trial: completed, unfinished, or confirmed on the test set."""

from dataclasses import dataclass, field
from typing import Any

from tuner.ledger.records import Outcome


@dataclass(frozen=True, slots=True)
class CompletedTrial:
    """A trial that was trained for the whole budget: its final values and its front.

    `metrics` are the objectives and what the constraints limit. `pareto_rank` counts from 0, the Pareto front, among
    completed trials; those beyond a constraint come after all others, and never have rank 0.
    With `select: best` they are of `best_epoch`, and `last` has those of the last epoch.

    With `candidates: every_evaluation` it may be one evaluated `epoch` of a trial that has ended in any way. `epochs`
    are then still those that the trial trained.

    With `repeats`, the trials that trained its point with other seeds, `metrics` are the means over all of them. A
    repeat itself has its own metrics, and the rank of the trial that it repeats, `repeat_of`.
    """

    number: int
    parameters: dict[str, Any]
    metrics: dict[str, float]
    epochs: int
    pareto_rank: int
    best_epoch: int | None = None
    last: dict[str, float] = field(default_factory=dict)
    epoch: int | None = None
    repeats: tuple[int, ...] = ()
    repeat_of: int | None = None

    @property
    def trainings(self) -> int:
        """The trainings over which the metrics are means."""
        return 1 + len(self.repeats)

    @property
    def on_front(self) -> bool:
        """Whether no other candidate dominates this one."""
        return self.pareto_rank == 0

    @property
    def label(self) -> str:
        """The number of the trial for a sentence, with the epoch if it is of one."""
        return str(self.number) if self.epoch is None else f"{self.number} at epoch {self.epoch}"

    @property
    def trained(self) -> int:
        """The epochs after which the metrics were measured."""
        return self.epochs if self.epoch is None else self.epoch


@dataclass(frozen=True, slots=True)
class UnfinishedTrial:
    """A trial without final values: stopped early, failed, running, or completed with a NaN.

    `metrics` are the reported objectives after `epochs` epochs: intermediate values, not comparable with final ones.
    """

    number: int
    parameters: dict[str, Any]
    metrics: dict[str, float]
    epochs: int
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Confirmed:
    """What a confirmation measured for one trial: accuracies in [0, 1] on the test set by attack, over the seeds.

    `attacks` are named ones in the place of the `suite`; `epsilon` is their radius, None if it is that of the search.
    `select` is the epoch that was measured, `last` or `best`; `epoch` is its number if it is a point of a search with
    `candidates: every_evaluation`.
    Deviations are sample deviations (n - 1), None for a single seed. `warnings` counts the warning signs of all seeds.
    """

    confirmation: str
    trial: int
    seeds: int
    retrained: bool
    suite: str
    means: dict[str, float]
    deviations: dict[str, float | None]
    warnings: int = 0
    attacks: tuple[str, ...] = ()
    epsilon: float | None = None
    select: str = "last"
    epoch: int | None = None
