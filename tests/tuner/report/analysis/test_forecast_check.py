"""What the models say of a search on record."""

from dataclasses import replace

import numpy as np
import pytest
from simulated_search import drive, small_space

from tuner.ledger import MemoryLedger, TrialRecord
from tuner.report.analysis import forecast_check
from tuner.report.analysis.forecast_check import with_forecast
from tuner.report.analysis.front_data import FrontData, front_data
from tuner.report.analysis.rung_readings import rungs_text_table
from tuner.search import Search
from tuner.space import Space

SPACE = small_space(search={"trials": 12}, early_stopping={"scheduler": "mo_asha", "reduction_factor": 2})
NAMES = ["natural_accuracy", "pgd_accuracy"]


@pytest.fixture(scope="module")
def trials() -> list[TrialRecord]:
    search = Search(small_space(search={"trials": 12}, early_stopping={"scheduler": "none"}), MemoryLedger())
    drive(search)
    return search.trials


def checked(space: Space, trials: list[TrialRecord]) -> FrontData:
    return with_forecast(front_data("small-1", trials, space.objective_list, space.reference, space.trial), space)


def test_each_rung_and_criterion_is_checked_over_the_completed_trials(trials: list[TrialRecord]) -> None:
    data = checked(SPACE, trials)
    assert [(rung.epoch, rung.metric) for rung in data.rungs] == [(e, name) for e in (1, 2, 4, 8) for name in NAMES]
    assert all(rung.trials == 12 for rung in data.rungs)
    assert all(rung.raw > 0.9 for rung in data.rungs if rung.epoch == 8), "of 9 epochs"
    assert len(rungs_text_table(data.rungs).rows) == 8


def test_the_noise_is_estimated_with_and_without_rungs(trials: list[TrialRecord]) -> None:
    """These curves have none, and their final values spread over more than 0.2."""
    for space in (SPACE, small_space(early_stopping={"scheduler": "none"})):
        noise = checked(space, trials).seed_noise
        assert list(noise) == NAMES
        assert all(0 < deviation < 0.05 for deviation in noise.values())


def test_what_follows_from_the_configuration_has_no_noise(trials: list[TrialRecord]) -> None:
    space = small_space(objectives={"parameters": {"reference": 10_000}})
    counted = [
        replace(
            trial,
            reports=[
                replace(each, metrics={**each.metrics, "parameters": 100.0 * trial.parameters["bottleneck"]})
                for each in trial.reports
            ],
        )
        for trial in trials
    ]
    assert list(checked(space, counted).seed_noise) == NAMES


def test_few_trials_say_nothing_and_a_search_without_rungs_nothing_of_them(trials: list[TrialRecord]) -> None:
    few = checked(SPACE, trials[:7])
    assert (few.rungs, few.seed_noise) == ((), {})
    assert checked(small_space(early_stopping={"scheduler": "none"}), trials).rungs == ()


def test_models_that_cannot_be_fitted_hide_no_front(
    trials: list[TrialRecord], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def singular(*_: object) -> None:
        raise np.linalg.LinAlgError("a matrix is singular")

    monkeypatch.setattr(forecast_check, "rung_qualities", singular)
    data = checked(SPACE, trials)
    assert len(data.points) == 12
    assert (data.rungs, data.seed_noise) == ((), {})
    assert len(caplog.records) == 1
