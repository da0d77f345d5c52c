"""A search over methods with knobs of their own: proposals, the ledger, enqueued trials and warm starts."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import optuna
import pytest
from conditional_spaces import METHODS, drawn_conditions, methods_mapping, methods_space, wanted_names
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.distributions import BaseDistribution, CategoricalDistribution
from simulated_search import MakeLedger, on_record

from tuner.ledger import Decision, MemoryLedger, Outcome, TrialRecord
from tuner.search import Assignment, Search
from tuner.search.enqueued import fault_of_enqueued
from tuner.search.sampling import Evidence, exhausted, propose
from tuner.search.warm_start import earlier_trials
from tuner.space import Space, space_from_mapping
from tuner.space.conditions import Conditions, count_points

SAMPLERS = ["motpe", "nsga2", "random"]


def metrics_of(parameters: Mapping[str, Any], epoch: int) -> dict[str, float]:
    """Return accuracies that depend on the method and on its knobs."""
    knob = parameters.get("trades_lambda", parameters.get("si_lambda", 1.0)) / 10
    best = {"shared_information": 0.7, "trades": 0.8, "mma": 0.5}[parameters["objective"]]
    grown = 1 - math.exp(-epoch / 3)
    return {"natural_accuracy": best * grown * (1 - knob / 2), "pgd_accuracy": best * grown * (0.2 + knob / 2)}


def train(search: Search, assignment: Assignment) -> None:
    for epoch in range(assignment.epoch + 1, search.epochs + 1):
        metrics = metrics_of(assignment.parameters, epoch)
        if search.report(assignment.number, epoch, metrics, None) is not Decision.CONTINUE:
            return


def run(search: Search, trials: int = 10**6) -> list[TrialRecord]:
    for _ in range(trials):
        if (assignment := search.next_assignment()) is None:
            break
        train(search, assignment)
    return search.trials


def check(space: Space, parameters: dict[str, Any]) -> None:
    """Check that a trial has exactly the parameters whose conditions hold, and that its configuration parses."""
    assert set(parameters) == wanted_names(parameters)
    config = space.trial_config(parameters).to_mapping()
    assert all(config[space.key_of(name)] == value for name, value in parameters.items())


@pytest.mark.parametrize("sampler", SAMPLERS)
@settings(deadline=None, max_examples=8)
@given(seed=st.integers(0, 2**31))
def test_a_proposed_trial_has_exactly_the_parameters_whose_conditions_hold(sampler: str, seed: int) -> None:
    space = methods_space(search={"sampler": sampler, "seed": seed, "trials": 25})
    trials = run(Search(space, MemoryLedger()))
    assert len(trials) == 25
    for trial in trials:
        check(space, trial.parameters)


def test_gaussian_processes_take_conditions_too() -> None:
    space = methods_space(search={"sampler": "gp", "trials": 12})
    for trial in run(Search(space, MemoryLedger())):
        check(space, trial.parameters)


@settings(deadline=None, max_examples=30)
@given(drawn_conditions(), st.sampled_from(SAMPLERS), st.integers(0, 2**31))
def test_finite_conditional_spaces_are_tried_to_their_last_point(
    drawn: tuple[dict[str, list[int]], Conditions], sampler: str, seed: int
) -> None:
    values, conditions = drawn
    space: dict[str, BaseDistribution] = {name: CategoricalDistribution(each) for name, each in values.items()}
    count = int(count_points({name: float(len(each)) for name, each in values.items()}, conditions))
    tried: list[dict[str, Any]] = []
    for number in range(min(count, 12)):
        assert not exhausted(space, tried, conditions)
        measured = [(point, np.array([float(sum(point.values())), -float(len(point))])) for point in tried]
        known = Evidence(measured, [], tried)
        point = propose(sampler, space, 2, known, seed=seed, number=number, conditions=conditions)
        assert point not in tried
        tried.append(point)
    assert exhausted(space, tried, conditions) == (len(tried) == count)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_rebuilt_search_proposes_what_the_first_one_would_have(make_ledger: MakeLedger, sampler: str) -> None:
    space = methods_space(search={"sampler": sampler, "trials": 20})
    whole = make_ledger(space, "whole-1")
    run(Search(space, whole))
    pieces = make_ledger(space, "pieces-1")
    for _ in range(20):
        run(Search(space, pieces), trials=1)
    assert on_record(pieces) == on_record(whole)
    for trial in pieces.load():
        check(space, trial.parameters)


def test_the_model_of_a_method_learns_from_its_own_trials() -> None:
    """Of the two methods with a lambda, one is good at its low end and the other at its high end."""
    space = methods_space()
    rng = np.random.default_rng(0)
    measured = []
    for place in rng.random(60):
        trades = {"objective": "trades", "bottleneck": 8, "trades_lambda": 1 + 7 * place}
        ours = {"objective": "shared_information", "bottleneck": 8, "alpha": 0.5, "estimator": "hsic"}
        measured += [
            (trades, np.array([place, place**2])),
            ({**ours, "si_lambda": 0.1 + 9.9 * place}, np.array([1 - place, (1 - place) ** 2])),
        ]
    known = Evidence(measured, [], [])

    def proposed(fixed: dict[str, Any], name: str) -> float:
        points = [
            propose(
                "motpe", space.distributions(), 2, known, seed=0, number=n, fixed=fixed, conditions=space.conditions
            )
            for n in range(20)
        ]
        return float(np.median([point[name] for point in points]))

    assert proposed({"objective": "trades"}, "trades_lambda") < 3
    assert proposed({"objective": "shared_information", "estimator": "hsic"}, "si_lambda") > 6


def test_start_points_are_completed_with_the_knobs_of_their_method() -> None:
    points: list[dict[str, Any]] = [
        {"objective": "trades"},
        {"objective": "shared_information", "estimator": "hsic", "si_lambda": 2.0},
    ]
    space = methods_space(search={"start_points": points})
    first, second = run(Search(space, MemoryLedger()), trials=2)
    assert points[0].items() <= first.parameters.items()
    assert points[1].items() <= second.parameters.items()
    check(space, first.parameters)
    check(space, second.parameters)


def test_a_grid_over_methods_runs_its_points() -> None:
    mapping = methods_mapping(search={"sampler": "grid"})
    mapping["parameters"] = {name: METHODS[name] for name in ("objective", "bottleneck")}
    mapping["parameters"]["trades_lambda"] = {**METHODS["trades_lambda"], "step": 3.5}
    mapping["early_stopping"] = {"scheduler": "none"}
    del mapping["search"]["trials"]
    space = space_from_mapping(mapping, "grid.yaml")
    trials = run(Search(space, MemoryLedger()))
    assert [trial.parameters for trial in trials] == space.grid()
    assert len(trials) == 4 * (1 + 3 + 1)
    assert {trial.outcome for trial in trials} == {Outcome.COMPLETED}


@pytest.mark.parametrize(
    ("wanted", "name"),
    [
        ({"objective": "trades", "alpha": 0.5}, "alpha"),
        ({"trades_lambda": 2.0}, "trades_lambda"),
        ({"objective": "shared_information", "estimator": "mige", "si_lambda": 2.0}, "si_lambda"),
    ],
)
def test_an_enqueued_trial_whose_condition_fails_is_refused(wanted: dict[str, Any], name: str) -> None:
    fault = fault_of_enqueued(methods_space(), wanted)
    assert fault is not None
    assert fault.startswith(name)


def test_an_enqueued_trial_is_completed(make_ledger: MakeLedger) -> None:
    space = methods_space()
    ledger = make_ledger(space)
    study = optuna.load_study(study_name=ledger.search, storage=ledger.url)
    study.enqueue_trial({"objective": "trades", "trades_lambda": 2.0})
    (trial,) = run(Search(space, ledger), trials=1)
    assert {"objective": "trades", "trades_lambda": 2.0}.items() <= trial.parameters.items()
    check(space, trial.parameters)
    assert study.trials[0].params == trial.parameters


def test_a_warm_start_takes_the_parameters_that_a_trial_has() -> None:
    space, plain = methods_space(), methods_mapping(trial={"objective": "trades"}, search={"trials": 8})
    plain["parameters"] = {
        "lambda": {"type": "float", "low": 1, "high": 8},
        "bottleneck": {"type": "categorical", "choices": [8, 12]},
    }
    earlier = space_from_mapping(plain, "earlier.yaml")
    trials = [
        TrialRecord(number, {"lambda": 1.0 + number, "bottleneck": bottleneck}, Outcome.COMPLETED, 0.0, 1.0, reports)
        for number, bottleneck in enumerate((8, 12, 8))
        for reports in [_reports()]
    ]
    found = earlier_trials("old", earlier, trials, space)
    assert [trial.parameters for trial in found] == [
        {"objective": "trades", "bottleneck": 8, "trades_lambda": lam} for lam in (1.0, 3.0)
    ]
    for trial in found:
        check(space, trial.parameters)


def test_a_warm_start_from_methods_gives_the_trials_of_the_method(make_ledger: MakeLedger) -> None:
    space = methods_space(search={"sampler": "random", "trials": 20})
    trials = run(Search(space, make_ledger(space)))
    mapping = methods_mapping(trial={"objective": "trades"})
    mapping["parameters"] = {"lambda": {"type": "float", "low": 1, "high": 8}, "bottleneck": METHODS["bottleneck"]}
    later = space_from_mapping(mapping, "later.yaml")
    found = earlier_trials("old", space, trials, later)
    theirs = [trial for trial in trials if trial.parameters["objective"] == "trades"]
    assert [(trial.number, trial.parameters["lambda"]) for trial in found] == [
        (trial.number, trial.parameters["trades_lambda"]) for trial in theirs
    ]


def _reports() -> tuple[Any, ...]:
    search = Search(methods_space(), MemoryLedger())
    assignment = search.next_assignment()
    assert assignment is not None
    train(search, assignment)
    return tuple(search.trials[0].reports)
