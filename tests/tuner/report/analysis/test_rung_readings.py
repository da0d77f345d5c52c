"""What the rungs of a search say of the end, as tables and warnings."""

import pytest
from simulated_search import drive, measured, small_space

from tuner.ledger import MemoryLedger, TrialRecord
from tuner.report.analysis.front_data import front_data
from tuner.report.analysis.rung_readings import rungs_on_record, rungs_text_table, silent_rungs, with_rungs
from tuner.search import Search
from tuner.search.forecast.rung_quality import RungQuality

SPACE = small_space(search={"trials": 12}, early_stopping={"scheduler": "mo_asha", "reduction_factor": 2})


@pytest.fixture(scope="module")
def trials() -> list[TrialRecord]:
    search = Search(small_space(search={"trials": 12}, early_stopping={"scheduler": "none"}), MemoryLedger())
    drive(search)
    return search.trials


def quality(correlation: float, trials: int = 12) -> RungQuality:
    return RungQuality(14, "pgd_accuracy", trials, 0.9, correlation, 0.8)


def test_each_rung_and_criterion_is_checked_over_the_completed_trials(trials: list[TrialRecord]) -> None:
    rungs = rungs_on_record(SPACE, trials)
    names = ["natural_accuracy", "pgd_accuracy"]
    assert [(rung.epoch, rung.metric) for rung in rungs] == [(e, name) for e in (1, 2, 4, 8) for name in names]
    assert all(rung.trials == 12 for rung in rungs)
    assert all(rung.raw > 0.9 for rung in rungs if rung.epoch == 8), "of 9 epochs"


def test_few_trials_or_no_rungs_say_nothing(trials: list[TrialRecord]) -> None:
    assert rungs_on_record(SPACE, trials[:7]) == ()
    assert rungs_on_record(small_space(early_stopping={"scheduler": "none"}), trials) == ()


def test_the_front_of_a_search_can_hold_them(trials: list[TrialRecord]) -> None:
    data = front_data("small-1", trials, SPACE.objective_list, SPACE.reference, SPACE.trial)
    assert data.rungs == ()
    checked = with_rungs(data, SPACE)
    assert len(rungs_text_table(checked.rungs).rows) == len(checked.rungs) == 8
    assert measured(trials[0].parameters, 9)["natural_accuracy"] == trials[0].last_metrics["natural_accuracy"]


@pytest.mark.parametrize(
    ("correlation", "number", "is_silent"),
    [
        (0.1, 12, True),
        (-0.5, 12, True),
        (0.4, 12, False),
        (0.4, 200, True),
        (0.9, 12, False),
        (float("nan"), 12, False),
    ],
)
def test_a_rung_without_a_rank_correlation_is_told_once_it_is_certain(
    correlation: float, number: int, is_silent: bool
) -> None:
    found = silent_rungs([quality(correlation, number)])
    assert (list(found) == [(14, "pgd_accuracy")]) is is_silent
    if is_silent:
        assert all(
            fact in found[14, "pgd_accuracy"] for fact in ("14", "PGD accuracy", f"{correlation:.2f}", str(number))
        )
