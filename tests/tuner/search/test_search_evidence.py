"""What a search tells its sampler: which trials, measured at which epoch."""

import math
import random
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from simulated_search import MakeLedger, small_space
from test_search import accuracies, new_trial, random_points

from tuner.ledger import Decision, Outcome, TrialRecord
from tuner.search import Search
from tuner.search.comparable_values import evidence
from tuner.search.sampling import Evidence


class Seen:
    """Takes the place of `propose`, and keeps the evidence that it was given."""

    def __init__(self) -> None:
        self.evidence: list[Evidence] = []
        self.numbers: list[int] = []

    def __call__(
        self,
        sampler: str,
        distributions: object,
        objectives: int,
        evidence: Evidence,
        *,
        seed: int,
        number: int,
        fixed: object,
    ) -> dict[str, float | int]:
        del sampler, distributions, objectives
        self.evidence.append(evidence)
        self.numbers.append(number)
        return random_points(seed=seed, number=number, fixed=fixed)


def spied(make_ledger: MakeLedger, **changes: dict[str, Any]) -> tuple[Search, Seen]:
    """Make a search over `small_space` with these changes, and see what its sampler is given."""
    space, seen = small_space(**changes), Seen()
    return Search(space, make_ledger(space), propose=seen), seen


def reach(search: Search, epochs: Sequence[int]) -> None:
    """Start a trial for each of `epochs` that is the best yet at every rung and trains so far."""
    for position, epoch in enumerate(epochs):
        number = new_trial(search).number
        for reported in range(1, epoch + 1):
            value = 0.1 + 0.001 * position + 0.01 * reported
            search.report(number, reported, accuracies(value, value), None)


@pytest.mark.parametrize(
    ("epochs", "at"),
    [
        ([1] * 5, 1),
        ([1] * 12, 1),
        ([3] * 5 + [1] * 3, 1),
        ([3] * 6 + [1] * 3, 3),
        ([9] * 5 + [3] * 4, 3),
        ([9] * 6 + [3] * 4, 9),
    ],
)
def test_the_sampler_sees_one_epoch_the_latest_that_six_trials_reached(
    make_ledger: MakeLedger, epochs: list[int], at: int
) -> None:
    search, seen = spied(make_ledger, search={"trials": 20})
    reach(search, epochs)
    new_trial(search)
    trials = search.trials[:-1]
    expected = {t.number: report.metrics for t in trials for report in t.reports if report.epoch == at}
    measured_at = seen.evidence[-1].measured
    assert [parameters for parameters, _ in measured_at] == [trials[n].parameters for n in expected]
    losses = np.array([row for _, row in measured_at])
    assert np.array_equal(-losses, [[m["natural_accuracy"], m["pgd_accuracy"]] for m in expected.values()])
    unknown = [t.parameters for t in trials if t.outcome is Outcome.RUNNING and t.number not in expected]
    assert seen.evidence[-1].running == unknown, "a running trial with a value at this epoch speaks by it"
    assert seen.evidence[-1].tried == [trial.parameters for trial in trials]


def evidence_of(search: Search) -> Evidence:
    return evidence(search.trials, search.knowledge.values, search.space.objective_list, search.knowledge.failed)


@pytest.mark.parametrize("epochs", [1, 3, 9])
def test_a_rebuilt_search_has_the_same_evidence_in_whatever_order_trials_arrived(
    make_ledger: MakeLedger, epochs: int
) -> None:
    space = small_space(search={"trials": 20})
    ledger, seen = make_ledger(space), Seen()
    search = Search(space, ledger, propose=seen)
    order = [new_trial(search).number for _ in range(12)]
    random.Random(0).shuffle(order)
    for position, number in enumerate(order):
        for epoch in range(1, epochs + 1):
            search.report(number, epoch, accuracies(0.1 + 0.001 * position, 0.1 + 0.001 * position), None)
    new_trial(search)
    first, second = seen.evidence[-1], evidence_of(Search(space, ledger))
    assert [point for point, _ in first.measured] == [point for point, _ in second.measured]
    assert np.array_equal([row for _, row in first.measured], [row for _, row in second.measured])
    assert len(first.measured) == 12
    assert first.tried == second.tried[:12]
    assert [*first.running, search.trials[-1].parameters] == second.running


def test_trials_without_a_finite_objective_are_evidence_of_failure(make_ledger: MakeLedger) -> None:
    search, seen = spied(make_ledger, search={"trials": 20})
    reach(search, [1] * 11)
    search.report(new_trial(search).number, 1, accuracies(math.nan), None)
    new_trial(search)
    assert len(seen.evidence[-1].measured) == 11
    assert len(seen.evidence[-1].tried) == 12
    assert seen.evidence[-1].failed == [search.trials[11].parameters]


def test_a_trial_that_failed_later_is_no_measured_one(make_ledger: MakeLedger) -> None:
    search, seen = spied(make_ledger, search={"trials": 20})
    reach(search, [1] * 12)
    search.fail(11, "Training diverged in epoch 2")
    new_trial(search)
    assert len(seen.evidence[-1].measured) == 11
    assert seen.evidence[-1].failed == [search.trials[11].parameters]
    assert search.trials[11].parameters not in seen.evidence[-1].running


def test_limits_reach_the_sampler_and_the_rungs(make_ledger: MakeLedger) -> None:
    """Natural accuracy must be 0.8: whoever has it goes on, whoever is best in the other one does not."""
    search, seen = spied(make_ledger, objectives={"natural_accuracy": {"at_least": 0.8}})
    new_trial(search), new_trial(search), new_trial(search)
    assert seen.evidence[-1].limits is not None
    assert seen.evidence[-1].limits.tolist() == [-0.8, math.inf]
    assert search.report(0, 1, accuracies(0.7, 0.6), None) is Decision.CONTINUE, "the first at its rung"
    assert search.report(1, 1, accuracies(0.81, 0.1), None) is Decision.CONTINUE
    assert search.report(2, 1, accuracies(0.1, 0.9), None) is Decision.STOP


@pytest.mark.parametrize("sampler", ["motpe", "nsga2"])
def test_a_space_may_search_the_seed(sampler: str, make_ledger: MakeLedger) -> None:
    seed = {"type": "int", "low": 0, "high": 3}
    search, seen = spied(make_ledger, search={"sampler": sampler}, parameters={"seed": seed})
    point = {"alpha": 0.5, "lambda": 0.1, "bottleneck": 16, "seed": 2}
    search.knowledge.proposal([TrialRecord(0, point, Outcome.RUNNING, 0.0)], None)()
    assert seen.evidence[-1].tried == [point]
