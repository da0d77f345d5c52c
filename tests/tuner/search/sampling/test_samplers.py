"""Each sampler on evidence with an answer: it finds the good region, avoids failures, and heeds limits."""

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import optuna
import pytest
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution
from optuna.samplers import BaseSampler, NSGAIISampler, TPESampler
from optuna.trial import TrialState, create_trial

from tuner.pareto.objectives import FloatArray
from tuner.search.sampling import Evidence, propose
from tuner.search.sampling.evidence import failed_losses, study_trials
from tuner.search.sampling.samplers import sampler_for

SPACE: dict[str, BaseDistribution] = {"x": FloatDistribution(0.0, 1.0), "y": FloatDistribution(0.0, 1.0)}
MODELS = ["motpe", "nsga2", "gp"]
# Optuna divides by zero where its acquisition function is flat, and goes on.
pytestmark = pytest.mark.filterwarnings("ignore:invalid value encountered in divide:RuntimeWarning")


def losses_of(point: Mapping[str, Any]) -> FloatArray:
    """Trade x against 1 - x, at the price of y."""
    return np.array([point["x"] + point["y"], 1 - point["x"] + point["y"]])


def evidence(count: int, **more: Any) -> Evidence:
    points = [{"x": x, "y": y} for x, y in np.random.default_rng(0).random((count, 2)).tolist()]
    return Evidence([(point, losses_of(point)) for point in points], [], points, **more)


def asked(sampler: str, known: Evidence, count: int) -> FloatArray:
    """Return proposals as (count, 2)."""
    points = [propose(sampler, SPACE, 2, known, seed=1, number=100 + number) for number in range(count)]
    return np.array([[point["x"], point["y"]] for point in points])


@pytest.mark.parametrize("sampler", MODELS)
def test_models_go_where_losses_are_low(sampler: str) -> None:
    learnt = asked(sampler, evidence(40), 5 if sampler == "gp" else 30)
    assert np.median(learnt[:, 1]) < 0.3 < np.median(asked("random", evidence(40), 30)[:, 1])


@pytest.mark.parametrize("sampler", MODELS)
def test_a_proposal_is_a_function_of_its_request(sampler: str) -> None:
    known = evidence(20, failed=[{"x": 0.1, "y": 0.1}], limits=np.array([0.8, np.inf]))
    assert np.array_equal(asked(sampler, known, 2), asked(sampler, known, 2))


@pytest.mark.parametrize("sampler", MODELS)
def test_failures_are_avoided(sampler: str) -> None:
    """The best of the measured points lie left and right; every point between them failed."""
    rng = np.random.default_rng(1)
    measured = [{"x": x, "y": y} for x, y in rng.random((60, 2)).tolist() if abs(x - 0.5) > 0.25]
    failed = [{"x": x, "y": y} for x, y in zip(rng.uniform(0.25, 0.75, 30), rng.uniform(0, 1, 30), strict=True)]
    rows = [(point, losses_of(point)) for point in measured]
    count = 6 if sampler == "gp" else 30

    def share_between(known: Evidence) -> float:
        return float(np.mean(np.abs(asked(sampler, known, count)[:, 0] - 0.5) < 0.25))

    assert share_between(Evidence(rows, [], measured, failed=failed)) < 0.4, "half of the space"
    assert share_between(Evidence(rows, [], measured, failed=failed)) <= share_between(Evidence(rows, [], measured))


@pytest.mark.parametrize("sampler", MODELS)
def test_limits_draw_proposals_to_where_they_are_met(sampler: str) -> None:
    """A limit of 0.4 on the first loss leaves x + y <= 0.4."""
    limited = evidence(40, limits=np.array([0.4, np.inf]))
    count = 6 if sampler == "gp" else 40
    with_limit, without = asked(sampler, limited, count), asked(sampler, evidence(40), count)
    assert np.median(with_limit.sum(axis=1)) < np.median(without.sum(axis=1)) - 0.05


@pytest.mark.parametrize("sampler", ["motpe", "gp"])
def test_running_trials_keep_proposals_away(sampler: str) -> None:
    known = evidence(30)
    first = propose(sampler, SPACE, 2, known, seed=0, number=30)
    crowd = [{name: min(1.0, value + 1e-3 * k) for name, value in first.items()} for k in range(8)]
    second = propose(sampler, SPACE, 2, Evidence(known.measured, crowd, known.tried), seed=0, number=30)
    assert max(abs(first[name] - second[name]) for name in SPACE) > 0.02


def test_a_failed_trial_is_a_little_worse_than_the_worst_in_every_objective() -> None:
    rows = np.array([[0.0, 5.0], [10.0, 5.0]])
    assert failed_losses(rows).tolist() == [11.0, 5.1]


def test_every_trial_of_the_study_has_its_own_constraints() -> None:
    """Optuna writes them into the dictionary of attributes that it is given."""
    known = evidence(3, failed=[{"x": 0.0, "y": 0.0}], limits=np.array([1.0, np.inf]))
    trials = study_trials(known, SPACE)
    assert [trial.constraints for trial in trials] == [{"0": trial.values[0] - 1.0} for trial in trials]
    assert trials[-1].values == failed_losses(np.array([row for _, row in known.measured])).tolist()


@pytest.mark.parametrize("sampler", MODELS)
def test_models_keep_to_a_constraint_that_is_no_objective(sampler: str) -> None:
    """The losses fall with x, but x may be at most 0.5."""
    points = [{"x": x, "y": y} for x, y in np.random.default_rng(0).random((40, 2)).tolist()]
    rows = [(point, np.array([1 - point["x"], point["y"], point["x"]])) for point in points]
    limited = Evidence(rows, [], points, limits=np.array([np.inf, np.inf, 0.5]), constraints=1)
    free = Evidence([(point, row[:2]) for point, row in rows], [], points)
    count = 5 if sampler == "gp" else 30
    with_constraint, without = (np.median(asked(sampler, known, count)[:, 0]) for known in (limited, free))
    assert with_constraint < min(0.6, without)
    assert all(len(trial.values) == 2 for trial in study_trials(limited, SPACE))


def test_running_trials_have_no_values_and_failures_without_measured_ones_are_left_out() -> None:
    points = [{"x": 0.5, "y": 0.5}]
    (trial,) = study_trials(Evidence([], points, points, failed=points), SPACE)
    assert trial.state is TrialState.RUNNING


@pytest.mark.parametrize("fixed", [{}, {"x": 0.25}], ids=["free", "fixed"])
@pytest.mark.parametrize("sampler", MODELS)
def test_proposals_are_those_of_optuna_that_checks_and_compares_every_trial(
    sampler: str, fixed: dict[str, float]
) -> None:
    """Ours leaves out checks and comparisons that always come out the same."""
    space = SPACE | {"one": CategoricalDistribution(["only"]), "of": CategoricalDistribution([8, 16])}
    rng = np.random.default_rng(0)
    points = [{"x": x, "y": y, "one": "only", "of": 8 if x < y else 16} for x, y in rng.random((50, 2)).tolist()]
    limits = np.array([0.9, np.inf])
    known = Evidence([(p, losses_of(p)) for p in points[:30]], points[30:40], points, points[40:], limits)
    for number in range(2):
        theirs: dict[str, Any] = dict(points[0])
        for attempt in range(16):  # a point that was tried is drawn again
            if theirs in points:
                draw = int(np.random.SeedSequence((3, number, attempt)).generate_state(1)[0])
                theirs = _asked_of_optuna(_whole_sampler(sampler, draw, known), known, space, fixed)
        assert propose(sampler, space, 2, known, seed=3, number=number, fixed=fixed) == theirs


def _asked_of_optuna(
    sampler: BaseSampler, known: Evidence, space: dict[str, BaseDistribution], fixed: dict[str, float]
) -> dict[str, Any]:
    study = optuna.create_study(directions=["minimize"] * 2, sampler=sampler)
    study.add_trials(
        create_trial(
            state=trial.state,
            values=trial.values,
            params=trial.params,
            distributions=trial.distributions,
            system_attrs={} if trial.values is None else {NSGAIISampler._get_generation_key(): 0},
            constraints=trial.constraints,
        )
        for trial in study_trials(known, space)
    )
    if fixed:
        study.enqueue_trial(fixed)
    return dict(study.ask(space).params)


def _whole_sampler(name: str, seed: int, known: Evidence) -> BaseSampler:
    if name != "motpe":
        return sampler_for(name, seed, known)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return TPESampler(multivariate=True, constant_liar=True, n_startup_trials=6, seed=seed)
