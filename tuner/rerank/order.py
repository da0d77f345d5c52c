"""The order of trials before and after a stronger attack: pure functions of their accuracies."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from scipy.stats import kendalltau

from tuner.ledger import TrialRecord
from tuner.pareto.dominance import non_domination_rank
from tuner.pareto.objectives import Objective, as_losses
from tuner.report.analysis.front_data import FrontData
from tuner.report.analysis.front_points import CompletedTrial

_AXES = (Objective("natural_accuracy", maximise=True), Objective("robust_accuracy", maximise=True))


class Model(NamedTuple):
    """A trial, or one epoch of it, where every evaluated epoch may be a point of the front."""

    trial: int
    epoch: int | None = None

    @property
    def name(self) -> str:
        """The trial in words, with its epoch."""
        return f"trial {self.trial}" if self.epoch is None else f"trial {self.trial}, epoch {self.epoch}"


@dataclass(frozen=True, slots=True)
class Attacked:
    """One trial before and after: the PGD accuracy that the search has, and what was measured again.

    Accuracies are in [0, 1]. `robust` of `images` images are correct clean and under every attack; `warnings` are the
    codes of the warning signs.
    """

    trial: int
    pgd_accuracy: float
    natural_accuracy: float
    robust: int
    images: int
    warnings: tuple[str, ...] = ()
    epoch: int | None = None

    @property
    def robust_accuracy(self) -> float:
        """The share of images that are correct clean and under every attack."""
        return self.robust / self.images


@dataclass(frozen=True, slots=True)
class Row:
    """A trial with its places among the attacked ones, from 1, by PGD accuracy and by robust accuracy.

    Trials with equal accuracies share a place. `on_front` says whether no other attacked trial is better in natural and
    robust accuracy together.
    """

    attacked: Attacked
    place_before: int
    place_after: int
    on_front: bool


def best_models(data: FrontData, records: Sequence[TrialRecord], top: int) -> list[Model]:
    """Return the first `top` candidates of the front: by Pareto rank, then by PGD accuracy, trial and epoch."""
    by_number = {record.number: record for record in records}

    def place(point: CompletedTrial) -> tuple[int, float, int, int]:
        pgd = metrics_of(by_number[point.number], point.epoch).get("pgd_accuracy", 0.0)
        return point.pareto_rank, -pgd, point.number, point.trained

    return [Model(point.number, point.epoch) for point in sorted(data.candidates, key=place)[:top]]


def metrics_of(record: TrialRecord, epoch: int | None) -> Mapping[str, float]:
    """Return what a trial measured at an epoch; None stands for its last one."""
    if epoch is None:
        return record.last_metrics
    return next(report.metrics for report in record.reports if report.epoch == epoch)


def reranked(found: Sequence[Attacked]) -> list[Row]:
    """Return the trials by robust accuracy, the best first; equal ones by number."""
    values = [{"natural_accuracy": one.natural_accuracy, "robust_accuracy": one.robust_accuracy} for one in found]
    ranks = list(non_domination_rank(as_losses(values, _AXES))) if found else []
    rows = [
        Row(
            one,
            place_before=1 + sum(other.pgd_accuracy > one.pgd_accuracy for other in found),
            place_after=1 + sum(other.robust_accuracy > one.robust_accuracy for other in found),
            on_front=bool(rank == 0),
        )
        for one, rank in zip(found, ranks, strict=True)
    ]
    return sorted(rows, key=lambda row: (row.place_after, row.attacked.trial, row.attacked.epoch or 0))


def agreement(rows: Sequence[Row]) -> float | None:
    """Return Kendall's tau-b between the two orders, None where it does not exist: one trial, or all are equal."""
    before = [row.attacked.pgd_accuracy for row in rows]
    after = [row.attacked.robust_accuracy for row in rows]
    if len(set(before)) < 2 or len(set(after)) < 2:
        return None
    return float(kendalltau(before, after).statistic)
