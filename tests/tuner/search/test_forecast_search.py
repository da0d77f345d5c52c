"""Whole searches by the forecast: what they can handle, and that they depend on nothing but ledger, seed and trial."""

import math
import random
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from conditional_spaces import methods_space, wanted_names
from simulated_search import (
    MakeLedger,
    drive,
    drive_to_the_end,
    measured,
    on_record,
    small_space,
    space_mapping,
    train,
)
from test_conditional_search import metrics_of

from tuner.ledger import Decision, MemoryLedger, Outcome, TrialRecord
from tuner.search import Assignment, Search
from tuner.search.warm_start import FACT, EarlierTrial, to_fact
from tuner.space import Space, space_from_mapping

FORECAST: dict[str, dict[str, Any]] = {
    "search": {"sampler": "forecast", "trials": 16},
    "early_stopping": {"scheduler": "forecast"},
}


def forecast_space(**changes: dict[str, Any]) -> Space:
    merged = {section: {**FORECAST.get(section, {}), **changes.get(section, {})} for section in {*FORECAST, *changes}}
    return small_space(**merged)


def run(search: Search, workers: int, metrics: Any = measured, seed: int = 0) -> list[TrialRecord]:
    """Run a search with several workers, one epoch of a random one after the other."""
    rng, running = random.Random(seed), dict[int, tuple[Assignment, int]]()
    while True:
        while len(running) < workers and (assignment := search.next_assignment()) is not None:
            running[assignment.number] = assignment, assignment.epoch
        if not running:
            return search.trials
        number = rng.choice(list(running))
        assignment, epoch = running[number]
        if search.report(number, epoch + 1, metrics(assignment.parameters, epoch + 1), None) is Decision.CONTINUE:
            running[number] = assignment, epoch + 1
        else:
            del running[number]


def test_a_driver_killed_after_each_write_leaves_the_record_of_an_uninterrupted_one(make_ledger: MakeLedger) -> None:
    space = forecast_space()
    whole = make_ledger(space, "whole")
    drive(Search(space, whole))
    assert any(trial.outcome is Outcome.STOPPED for trial in whole.load())
    broken = make_ledger(space, "broken")
    assert drive_to_the_end(space, broken, lambda: 5) > 5
    assert on_record(broken) == on_record(whole)
    reasons = [report.reason for trial in whole.load() for report in trial.reports]
    assert reasons == [report.reason for trial in broken.load() for report in trial.reports]


def test_each_decision_at_a_rung_has_its_reason_on_record(make_ledger: MakeLedger) -> None:
    space = forecast_space(search={"trials": 12})
    ledger = make_ledger(space)
    drive(Search(space, ledger))
    for trial in ledger.load():
        for report in trial.reports:
            assert (report.reason is not None) == (report.rung and report.epoch < space.epochs)


@pytest.mark.parametrize("workers", [1, 4, 16])
def test_every_trial_ends_and_no_point_is_tried_twice(workers: int) -> None:
    trials = run(Search(forecast_space(search={"trials": 20}), MemoryLedger()), workers)
    assert len(trials) == 20
    assert {trial.outcome for trial in trials} == {Outcome.COMPLETED, Outcome.STOPPED}
    assert len({tuple(trial.parameters.values()) for trial in trials}) == 20


@pytest.mark.parametrize(
    "changes",
    [
        {"search": {"sampler": "motpe"}},
        {"search": {"sampler": "random"}},
        {"early_stopping": {"scheduler": "mo_asha"}},
        {"early_stopping": {"scheduler": "none"}},
    ],
)
def test_the_sampler_and_the_scheduler_work_alone(changes: dict[str, dict[str, Any]]) -> None:
    trials = run(Search(forecast_space(**changes), MemoryLedger()), 3)
    assert len(trials) == 16
    assert any(trial.outcome is Outcome.COMPLETED for trial in trials)


@pytest.mark.parametrize("objectives", [1, 3, 4])
def test_any_number_of_objectives_and_directions(objectives: int) -> None:
    specs = {
        "natural_accuracy": {},
        "pgd_accuracy": {},
        "parameters": {"reference": 100.0},
        "seconds": {"reference": 10.0},
    }
    chosen = dict(list(specs.items())[:objectives])
    space = space_from_mapping({**space_mapping(**FORECAST), "objectives": chosen}, "several.yaml")

    def metrics(parameters: Mapping[str, Any], epoch: int) -> dict[str, float]:
        return {**measured(parameters, epoch), "parameters": parameters["bottleneck"], "seconds": parameters["lambda"]}

    trials = run(Search(space, MemoryLedger()), 2, metrics)
    assert sum(trial.outcome is Outcome.COMPLETED for trial in trials) >= 5


def test_conditional_parameters_belong_to_their_methods_only() -> None:
    space = methods_space(search={**FORECAST["search"], "trials": 24}, early_stopping=FORECAST["early_stopping"])
    trials = run(Search(space, MemoryLedger()), 3, metrics_of)
    assert len(trials) == 24
    assert all(trial.parameters.keys() == wanted_names(trial.parameters) for trial in trials)
    later = [trial.parameters["objective"] for trial in trials[12:]]
    assert later.count("mma") < len(later) / 2, "the worst method"


def test_trials_beyond_a_constraint_are_avoided() -> None:
    space = Space.model_validate(
        {**forecast_space(search={"trials": 24}).model_dump(), "constraints": {"loss/total": {"at_most": 0.3}}}
    )

    def metrics(parameters: Mapping[str, Any], epoch: int) -> dict[str, float]:
        return {**measured(parameters, epoch), "loss/total": parameters["alpha"]}

    trials = run(Search(space, MemoryLedger()), 1, metrics)
    alphas = [trial.parameters["alpha"] for trial in trials]
    assert np.mean([alpha <= 0.3 for alpha in alphas[12:]]) > 0.8


def test_points_that_diverge_are_avoided() -> None:
    def metrics(parameters: Mapping[str, Any], epoch: int) -> dict[str, float]:
        found = measured(parameters, epoch)
        return dict.fromkeys(found, math.nan) if parameters["alpha"] > 0.6 and epoch > 1 else found

    trials = run(Search(forecast_space(search={"trials": 26}), MemoryLedger()), 1, metrics)
    assert np.mean([trial.parameters["alpha"] > 0.6 for trial in trials[:8]]) > 0.2
    assert np.mean([trial.parameters["alpha"] > 0.6 for trial in trials[14:]]) < 0.2


def test_a_search_of_which_every_trial_fails_goes_on_to_its_end() -> None:
    search = Search(forecast_space(), MemoryLedger())
    while (assignment := search.next_assignment()) is not None:
        search.fail(assignment.number, "out of memory")
    assert [trial.outcome for trial in search.trials] == [Outcome.FAILED] * 16


def test_a_finite_space_is_used_up_without_a_point_twice() -> None:
    parameters = {
        "alpha": {"type": "float", "low": 0, "high": 1, "step": 0.25},
        "bottleneck": {"type": "categorical", "choices": [8, 32]},
    }
    space = Space.model_validate({**forecast_space(search={"trials": 99}).model_dump(), "parameters": parameters})

    def metrics(parameters: Mapping[str, Any], epoch: int) -> dict[str, float]:
        return measured({**parameters, "lambda": 1.0}, epoch)

    search = Search(space, MemoryLedger())
    trials = run(search, 2, metrics)
    assert len({tuple(trial.parameters.values()) for trial in trials}) == len(trials) == 10
    assert "every point" in str(search.stop_reason)


def test_start_points_come_first_and_keep_their_values() -> None:
    space = forecast_space(search={"start_points": [{"alpha": 0.25, "lambda": 1.0, "bottleneck": 16}, {"alpha": 0.75}]})
    trials = run(Search(space, MemoryLedger()), 1)
    assert trials[0].parameters == {"alpha": 0.25, "lambda": 1.0, "bottleneck": 16}
    assert trials[1].parameters["alpha"] == 0.75


def test_a_warm_start_is_evidence_from_the_first_proposal_on() -> None:
    space = forecast_space()
    rng = random.Random(0)
    earlier = []
    for number in range(20):
        point = {"alpha": rng.random(), "lambda": 10 ** rng.uniform(-2, 1), "bottleneck": rng.choice([8, 16, 32])}
        metrics = {epoch: measured(point, epoch) for epoch in (1, 3, 9)}
        earlier.append(EarlierTrial("old", number, point, metrics))
    warm = run(Search(space, MemoryLedger({FACT: to_fact(earlier)})), 1)
    cold = run(Search(space, MemoryLedger()), 1)
    first = [np.mean([t.parameters["bottleneck"] == 32 for t in trials[:8]]) for trials in (warm, cold)]
    assert first[0] > first[1]


def test_a_proposal_made_while_a_trial_reports_rests_on_what_was_measured_before() -> None:
    space = forecast_space(search={"trials": 20})
    searches = [Search(space, MemoryLedger()) for _ in range(2)]
    for search in searches:
        for _ in range(10):
            assignment = search.next_assignment()
            assert assignment is not None
            train(search, assignment)
    plain, other = searches
    work = other.slow_proposal()
    assert work is not None
    work()
    assert other.slow_proposal() is None, "it is prepared"
    first, second = plain.next_assignment(), other.next_assignment()
    assert first == second
