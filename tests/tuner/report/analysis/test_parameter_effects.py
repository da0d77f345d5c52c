"""The importance of parameters for objectives."""

import numpy as np
import pytest
from fake_search import search_of, trial

from tuner.report.analysis.front_data import FrontData
from tuner.report.analysis.parameter_effects import GROUPS, RANKS, eta_squared, importances, split_into_groups


def made_up(count: int) -> FrontData:
    """Natural accuracy follows alpha, PGD accuracy the kind of optimiser; depth has no part in either."""
    rng = np.random.default_rng(0)
    trials = []
    for number in range(count):
        alpha, kind = float(rng.random()), ("adam", "sgd")[number % 2]
        parameters = {"alpha": alpha, "kind": kind, "depth": int(rng.integers(1, 9)), "constant": 3}
        trials.append(trial(number, alpha**2, 0.5 + 0.2 * (kind == "sgd"), parameters=parameters))
    return search_of(trials)


BOTH = f"for alpha, depth: {RANKS}; for kind: {GROUPS}"


@pytest.mark.parametrize(("count", "measure"), [(8, BOTH), (29, BOTH), (30, GROUPS), (200, GROUPS)])
def test_what_decides_an_objective_is_its_most_important_parameter(count: int, measure: str) -> None:
    natural, pgd = importances(made_up(count))
    assert (natural.objective, natural.measure, natural.trials) == ("natural_accuracy", measure, count)
    assert next(iter(natural.shares)) == "alpha"
    assert next(iter(pgd.shares)) == "kind"
    for importance in (natural, pgd):
        assert set(importance.shares) == {"alpha", "kind", "depth"}
        assert max(importance.shares.values()) > 0.8
        assert all(0 <= share <= 1 + 1e-9 for share in importance.shares.values())
        assert list(importance.shares.values()) == sorted(importance.shares.values(), reverse=True)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_few_trials_say_nothing(count: int) -> None:
    assert importances(made_up(count)) == ()


@pytest.mark.parametrize("count", [5, 40])
def test_an_objective_that_never_changes_depends_on_nothing(count: int) -> None:
    data = search_of([trial(n, 0.8, n / 100, parameters={"alpha": n / 100}) for n in range(count)])
    natural, pgd = importances(data)
    assert natural.shares == {"alpha": 0.0}
    assert pgd.shares["alpha"] > 0.9


@pytest.mark.parametrize("seed", range(5))
def test_the_measure_is_the_share_of_the_ranks_variance_less_that_of_chance(seed: int) -> None:
    """By its definition: 1 - (n - 1) / (n - k) times the share of the variance within the k groups of n values."""
    rng = np.random.default_rng(seed)
    groups = rng.integers(0, 4, 60).astype(float)
    values = np.round(rng.normal(size=60) + 0.8 * groups, 1)
    ranks = np.array([(values < value).sum() + ((values == value).sum() + 1) / 2 for value in values])
    means = np.array([ranks[groups == group].mean() for group in groups])
    within = ((ranks - means) ** 2).sum() / ((ranks - ranks.mean()) ** 2).sum()
    assert eta_squared(values, groups) == pytest.approx(1 - within * 59 / 56)


@pytest.mark.parametrize("seed", range(5))
def test_numbers_of_few_trials_have_the_squared_correlation_of_their_ranks(seed: int) -> None:
    """Without equal numbers, Spearman's correlation is 1 - 6 sum(d^2) / (n (n^2 - 1)) of the ranks' differences d."""
    rng = np.random.default_rng(seed)
    natural, alpha = rng.random(12), rng.random(12)
    data = search_of([trial(n, natural[n], 0.5, parameters={"alpha": float(alpha[n])}) for n in range(12)])
    differences = natural.argsort().argsort() - alpha.argsort().argsort()
    correlation = 1 - 6 * (differences**2).sum() / (12 * 143)
    assert importances(data)[0].shares["alpha"] == pytest.approx(correlation**2)


@pytest.mark.parametrize(("parameter", "measure"), [("alpha", RANKS), ("kind", GROUPS)])
def test_of_few_trials_numbers_are_ranked_and_choices_grouped(parameter: str, measure: str) -> None:
    values = [n / 10 for n in range(8)] if parameter == "alpha" else list("abababab")
    data = search_of([trial(n, n / 10, n / 10, parameters={parameter: value}) for n, value in enumerate(values)])
    assert importances(data)[0].measure == measure


@pytest.mark.parametrize("seed", range(5))
def test_a_parameter_without_a_part_has_none_however_many_groups_it_makes(seed: int) -> None:
    """Epsilon squared, H / (n - 1), would give ten groups of 60 trials about 9 / 59 of what is nothing but chance."""
    rng = np.random.default_rng(seed)
    shares = [eta_squared(rng.normal(size=60), rng.permuted(np.arange(60) % 10).astype(float)) for _ in range(200)]
    assert np.median(shares) < 0.02


def test_what_rises_and_falls_again_matters_too() -> None:
    """A rank correlation would be 0."""
    alpha = np.linspace(0, 1, 80)
    assert eta_squared((alpha - 0.5) ** 2, split_into_groups(alpha)) > 0.9


def test_groups_are_of_equal_size_and_keep_equal_numbers_together() -> None:
    assert np.bincount(split_into_groups(np.random.default_rng(0).random(100)).astype(int)).tolist() == [10] * 10
    assert len(set(split_into_groups(np.repeat([1.0, 2.0, 3.0], 20)))) == 3


def test_groups_of_one_trial_each_say_nothing() -> None:
    assert eta_squared(np.arange(5.0), np.arange(5.0)) == 0


def test_a_parameter_of_some_trials_is_measured_among_them() -> None:
    points = [{"objective": "ab"[n % 2], "width": n, **({"weight": n} if n % 2 else {})} for n in range(12)]
    records = [trial(n, n / 12, 0.5, parameters=point) for n, point in enumerate(points)]
    natural, _ = importances(search_of([*records, trial(12, 0.4, 0.4, parameters={"rare": 1}), trial(13, 0.3, 0.3)]))
    assert natural.shares["weight"] == pytest.approx(1)
    assert natural.shares["width"] == pytest.approx(1)
    assert natural.fewer == {"objective": 12, "width": 12, "weight": 6}
    assert natural.trials == 14
