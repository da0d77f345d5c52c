"""What a search got for its epochs."""

from dataclasses import replace

import pytest
from fake_search import search_of, trade_off_trials, trial

from tuner.ledger.records import Decision, Outcome, Report, TrialRecord
from tuner.report.analysis.progress_curves import curves, growth_by_epochs


def reported(number: int, *values: float, times: tuple[float, ...], outcome: Outcome) -> TrialRecord:
    """Make a trial with a report for each value of both accuracies."""
    reports = tuple(
        Report(
            epoch,
            {"natural_accuracy": v, "pgd_accuracy": v},
            rung=False,
            decision=Decision.CONTINUE,
            checkpoint=None,
            time=time,
        )
        for epoch, (v, time) in enumerate(zip(values, times, strict=True), start=1)
    )
    return replace(trial(number, outcome=outcome), reports=reports, ended=times[-1])


DATA = search_of(
    [
        reported(0, 0.1, 0.5, times=(1, 4), outcome=Outcome.COMPLETED),
        reported(1, 0.1, times=(2,), outcome=Outcome.STOPPED),
        reported(2, 0.1, float("nan"), times=(3, 6), outcome=Outcome.RUNNING),
        reported(3, 0.2, 0.75, times=(5, 7), outcome=Outcome.COMPLETED),
    ]
)


def test_growth_counts_the_epochs_of_all_trials_until_each_completed() -> None:
    points = growth_by_epochs(DATA)
    assert [(p.number, p.epochs) for p in points] == [(0, 4), (3, 7)]
    assert [p.hypervolume for p in points] == pytest.approx([0.25, 0.5625])


def test_growth_ends_with_all_epochs_that_were_spent() -> None:
    """A trial of three epochs is stopped after the last one that completed."""
    last = reported(4, 0.1, 0.1, 0.1, times=(8, 9, 10), outcome=Outcome.STOPPED)
    data = search_of([*DATA.records, last])
    points = growth_by_epochs(data)
    assert [(p.number, p.epochs) for p in points] == [(0, 4), (3, 7), (None, 10)]
    assert points[-1].epochs == sum(record.epochs_trained for record in data.records)
    assert points[-1].hypervolume == data.hypervolume


def test_a_curve_holds_its_trials_reports_in_per_cent() -> None:
    by_number = {curve.number: curve for curve in curves(DATA)}
    assert by_number[0].values["pgd_accuracy"] == (10.0, 50.0)
    assert by_number[2].values["natural_accuracy"] == (10.0, None)
    assert by_number[1].epochs == (1,)
    assert [number for number, curve in by_number.items() if curve.on_front] == [3]


@pytest.mark.parametrize("most", [1, 5, 12, 29, 30, 100])
def test_many_curves_are_thinned_out_with_the_front_kept_first(most: int) -> None:
    data = search_of(trade_off_trials())
    shown = curves(data, most)
    assert len(shown) == min(most, len(data.records))
    on_front = sum(curve.on_front for curve in shown)
    assert on_front == min(most, len(data.front))


def test_no_trials_have_neither_growth_nor_curves() -> None:
    assert growth_by_epochs(search_of([])) == ()
    assert curves(search_of([])) == ()
