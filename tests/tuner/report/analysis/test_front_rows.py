"""A front of every evaluated epoch, against all epochs of all trials compared in pairs."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pytest
from fake_search import OBJECTIVES, REFERENCE, search_of, trade_off_trials, trial
from hypothesis import given
from hypothesis import strategies as st

from tuner.ledger.records import Decision, Outcome, Report, TrialRecord
from tuner.pareto.dominance import is_non_dominated
from tuner.pareto.hypervolume import hypervolume
from tuner.pareto.objectives import Objective, as_losses, within_limits
from tuner.pareto.select import knee
from tuner.report.analysis.front_data import FrontData, front_data
from tuner.report.analysis.front_points import CompletedTrial

NAMES = ("natural_accuracy", "pgd_accuracy", "seconds")
LIMIT = (Objective("seconds", maximise=False, limit=3.0),)
ENDED = (Outcome.COMPLETED, Outcome.STOPPED, Outcome.FAILED)
# Few values, so that epochs are often equal or dominate each other.
VALUE = st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0])
METRICS: st.SearchStrategy[dict[str, float]] = st.one_of(
    st.just({}), st.fixed_dictionaries({name: st.one_of(VALUE, st.just(math.nan)) for name in NAMES})
)
CURVES = st.lists(METRICS, max_size=5)
TRIALS = st.lists(st.tuples(CURVES, st.sampled_from(list(Outcome)), st.integers(0, 9)), max_size=6)
DIRECTIONS = st.tuples(st.booleans(), st.booleans())


def record(number: int, curve: Sequence[dict[str, float]], outcome: Outcome, ended: int = 0) -> TrialRecord:
    """Make a trial with these metrics after its epochs."""
    reports = tuple(
        Report(epoch, {"seconds": 0.0, **metrics} if metrics else {}, False, Decision.CONTINUE, f"{number}/{epoch}", 0)
        for epoch, metrics in enumerate(curve, start=1)
    )
    end = None if outcome in {Outcome.RUNNING, Outcome.INTERRUPTED} else float(ended)
    return TrialRecord(number, {"lambda": float(number)}, outcome, started=0.0, ended=end, reports=reports)


class Epoch(NamedTuple):
    """One evaluated epoch of a trial that has ended, within the constraints."""

    trial: int
    epoch: int
    losses: tuple[float, ...]


def all_epochs(trials: Sequence[TrialRecord], objectives: Sequence[Objective]) -> list[Epoch]:
    names = {*(objective.name for objective in objectives), "seconds"}
    return [
        Epoch(trial.number, report.epoch, tuple(as_losses([report.metrics], objectives)[0].tolist()))
        for trial in trials
        if trial.outcome in ENDED
        for report in trial.reports
        if all(math.isfinite(report.metrics.get(name, math.nan)) for name in names)
        and within_limits(report.metrics, LIMIT)
    ]


def front_by_pairs(epochs: Sequence[Epoch]) -> set[tuple[int, int]]:
    """Return the epochs that no epoch of any trial dominates; of equal ones of a trial the last."""

    def beats(one: Epoch, other: Epoch) -> bool:
        better = all(a <= b for a, b in zip(one.losses, other.losses, strict=True)) and one.losses != other.losses
        return better or (one.trial == other.trial and one.losses == other.losses and one.epoch > other.epoch)

    return {(one.trial, one.epoch) for one in epochs if not any(beats(other, one) for other in epochs)}


def of_every_epoch(
    trials: Sequence[TrialRecord], objectives: Sequence[Objective] = OBJECTIVES, constraints: Sequence[Objective] = ()
) -> FrontData:
    reference = {objective.name: 0.0 if objective.maximise else 1.0 for objective in objectives}
    return front_data("example", trials, objectives, reference, constraints=constraints, every_epoch=True)


def key(point: CompletedTrial) -> tuple[int, int | None]:
    return point.number, point.epoch


@given(TRIALS, DIRECTIONS)
def test_the_front_is_that_of_all_epochs_of_all_trials(
    drawn: list[tuple[list[dict[str, float]], Outcome, int]], directions: tuple[bool, bool]
) -> None:
    trials = [record(number, *parts) for number, parts in enumerate(drawn)]
    objectives = [Objective(name, maximise) for name, maximise in zip(NAMES[:2], directions, strict=True)]
    data = of_every_epoch(trials, objectives, LIMIT)
    epochs = all_epochs(trials, objectives)
    assert {key(point) for point in data.front} == front_by_pairs(epochs)
    reference = as_losses([data.reference], objectives)[0]
    losses = np.array([epoch.losses for epoch in epochs], dtype=np.float64).reshape(-1, 2)
    assert data.hypervolume == pytest.approx(hypervolume(losses, reference))
    for entry in data.history:
        before = {trial.number for trial in trials if trial.ended is not None and trial.ended < entry.ended}
        same = {trial.number for trial in trials if trial.ended == entry.ended and trial.number <= entry.number}
        then = [epoch for epoch in epochs if epoch.trial in before | same]
        assert entry.front_size == len(front_by_pairs(then))
        seen = np.array([epoch.losses for epoch in then], dtype=np.float64).reshape(-1, 2)
        assert entry.hypervolume == pytest.approx(hypervolume(seen, reference))
        assert as_losses([entry.best], objectives)[0].tolist() == seen.min(axis=0).tolist()
    assert [entry.number for entry in data.history] == sorted(
        {epoch.trial for epoch in epochs}, key=lambda number: (trials[number].ended, number)
    )


@given(TRIALS)
def test_every_trial_is_listed_once_whatever_the_front_is_made_of(
    drawn: list[tuple[list[dict[str, float]], Outcome, int]],
) -> None:
    trials = [record(number, *parts) for number, parts in enumerate(drawn)]
    usual, data = front_data("example", trials, OBJECTIVES, REFERENCE), of_every_epoch(trials)
    assert (data.unfinished, data.counts) == (usual.unfinished, usual.counts)
    final = [(p.number, p.metrics, p.epochs, p.epoch) for p in data.points]
    assert final == [(p.number, p.metrics, p.epochs, None) for p in usual.points]
    for point in data.points:
        own = [candidate.pareto_rank for candidate in data.candidates if candidate.number == point.number]
        assert point.pareto_rank == min(own)


def test_by_default_the_candidates_are_the_final_values() -> None:
    data = search_of(trade_off_trials())
    assert data.candidates is data.points
    assert (data.every_epoch, data.knee_epoch, data.front_epochs) == (False, None, {})


def test_a_stopped_trial_has_its_best_epochs_on_the_front_and_a_running_one_has_none() -> None:
    curve = [{"natural_accuracy": n, "pgd_accuracy": p} for n, p in ((0.9, 0.1), (0.5, 0.5), (0.4, 0.4))]
    trials = [record(0, curve, Outcome.STOPPED), record(1, curve[:1], Outcome.RUNNING), trial(2, 0.45, 0.2)]
    data = of_every_epoch(trials)
    assert [key(point) for point in data.front] == [(0, 1), (0, 2)]
    assert [key(point) for point in data.dominated] == [(2, 120)]
    assert [(point.trained, point.epochs) for point in data.front] == [(1, 3), (2, 3)]
    assert data.front_epochs == {0: [1, 2]}


def test_the_knee_is_an_epoch() -> None:
    curve = [{"natural_accuracy": n, "pgd_accuracy": p} for n, p in ((0.9, 0.1), (0.8, 0.5), (0.5, 0.55))]
    data = of_every_epoch([record(0, curve, Outcome.COMPLETED)])
    losses = as_losses([point.metrics for point in data.front], OBJECTIVES)
    assert is_non_dominated(losses).all()
    place = knee(losses)
    assert place is not None
    assert (data.knee, data.knee_epoch) == key(data.front[place]) == (0, 2)
    assert [data.is_knee(point) for point in data.front] == [False, True, False]


def test_a_trial_without_an_epoch_within_the_constraints_is_shown_by_its_last_one() -> None:
    curve = [{"natural_accuracy": 0.9, "pgd_accuracy": 0.9, "seconds": seconds} for seconds in (4.0, 5.0)]
    allowed = [{"natural_accuracy": 0.1, "pgd_accuracy": 0.1, "seconds": 1.0}]
    data = of_every_epoch([record(0, curve, Outcome.STOPPED), record(1, allowed, Outcome.STOPPED)], constraints=LIMIT)
    assert [key(point) for point in data.front] == [(1, 1)]
    assert [key(point) for point in data.dominated] == [(0, 2)]
    assert [entry.number for entry in data.history] == [1]
