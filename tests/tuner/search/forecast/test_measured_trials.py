"""What the models are given of a search's trials."""

import numpy as np
import pytest
from optuna.distributions import BaseDistribution, FloatDistribution
from simulated_search import small_space

from tuner.ledger import Outcome, TrialRecord
from tuner.pareto.objectives import Objective
from tuner.search.comparable_values import Values
from tuner.search.forecast.measured import MOST_TRIALS, Measured, Wanted, informative
from tuner.search.forecast.measured_trials import MeasuredTrials
from tuner.search.forecast.unit_cube import UnitCube
from tuner.search.warm_start import EarlierTrial

SPACE: dict[str, BaseDistribution] = {"x": FloatDistribution(0.0, 10.0)}
CRITERIA = (Objective("accuracy", True, 0.5), Objective("loss", False))
WANTED = Wanted(None, 0, np.array([0.0, 9.0]))


def trials(*outcomes: Outcome) -> list[TrialRecord]:
    return [TrialRecord(number, {"x": number}, outcome, started=0.0) for number, outcome in enumerate(outcomes)]


def made_values(*measured: tuple[int, int, float]) -> Values:
    """Return values of trials at the epochs 1, 3 and 9, from (number, epoch, time)."""
    values = Values((1, 3, 9))
    for number, epoch, time in measured:
        values.record(number, epoch, np.array([-0.1 * number, float(epoch)]), time)
    return values


def now(
    values: Values,
    records: list[TrialRecord],
    *,
    failed: tuple[int, ...] = (),
    judged: int | None = None,
    earlier: tuple[EarlierTrial, ...] = (),
) -> Measured:
    return MeasuredTrials(UnitCube(SPACE), CRITERIA, WANTED, earlier).now(records, values, failed, judged)


def test_a_space_wants_losses_within_its_limits_and_better_than_its_reference_point() -> None:
    space = small_space(
        objectives={"natural_accuracy": {"at_least": 0.5}, "pgd_accuracy": {"reference": 0.2}},
        constraints={"seconds": {"at_most": 2.0}},
    )
    wanted = Wanted.by(space)
    assert wanted.limits is not None
    assert wanted.limits.tolist() == [-0.5, np.inf, 2.0]
    assert wanted.constraints == 1
    assert wanted.reference.tolist() == [0.0, -0.2]


def test_levels_hold_trials_in_the_order_of_their_measurement_with_the_losses_before() -> None:
    values = made_values((0, 1, 5.0), (1, 1, 2.0), (2, 1, 3.0), (1, 3, 9.0), (0, 3, 8.0))
    measured = now(values, trials(*[Outcome.STOPPED] * 3))
    assert [level.numbers for level in measured.levels] == [(1, 2, 0), (0, 1), ()]
    assert measured.levels[0].inputs[:, 0] == pytest.approx([0.1, 0.2, 0.0])
    assert measured.levels[0].before is None
    assert measured.levels[1].before is not None
    assert measured.levels[1].before[:, 1].tolist() == [1.0, 1.0]
    assert measured.levels[1].losses[:, 1].tolist() == [3.0, 3.0]


def test_a_trial_that_was_not_measured_at_a_level_is_at_no_later_one() -> None:
    values = made_values((0, 1, 1.0), (0, 9, 3.0), (1, 1, 1.0), (1, 3, 2.0), (1, 9, 3.0))
    measured = now(values, trials(Outcome.COMPLETED, Outcome.COMPLETED))
    assert [level.numbers for level in measured.levels] == [(0, 1), (1,), (1,)]


def test_running_and_failed_trials_are_known_up_to_their_last_level() -> None:
    values = made_values((0, 1, 1.0), (1, 1, 2.0), (1, 3, 4.0), (3, 1, 5.0))
    records = trials(Outcome.RUNNING, Outcome.RUNNING, Outcome.RUNNING, Outcome.FAILED)
    measured = now(values, records, failed=(3,))
    assert [trial.level for trial in measured.running] == [0, 1, -1]
    assert measured.running[2].losses is None
    assert [trial.level for trial in measured.failed] == [0]
    assert len(now(values, records, judged=1).running) == 2


def test_trials_of_an_earlier_search_come_first_and_have_numbers_of_their_own() -> None:
    earlier = EarlierTrial("old", 0, {"x": 5.0}, {1: {"accuracy": 0.4, "loss": 1.0}, 3: {"accuracy": 0.5, "loss": 2.0}})
    measured = now(made_values((0, 1, 1.0)), trials(Outcome.RUNNING), earlier=(earlier,))
    assert [level.numbers for level in measured.levels] == [(-1, 0), (-1,), ()]
    assert measured.levels[1].losses.tolist() == [[-0.5, 2.0]]


def test_of_very_many_trials_the_best_the_latest_and_some_of_all_ages_are_kept() -> None:
    values = Values((1,))
    rng = np.random.default_rng(0)
    losses = rng.random((2000, 2))
    losses[7] = -1.0
    for number, row in enumerate(losses):
        values.record(number, 1, row, float(number))
    whole = now(values, trials(*[Outcome.COMPLETED] * 2000)).levels[0]
    level = informative(whole, WANTED)
    assert len(level) == MOST_TRIALS == len(set(level.numbers))
    assert 7 in level.numbers
    assert 1999 in level.numbers
    assert sum(number < 1000 for number in level.numbers) > MOST_TRIALS / 5
    assert (level.losses == losses[list(level.numbers)]).all()
