"""The interactive figures beside a front."""

from dataclasses import replace

import plotly.graph_objects as go
import pytest
from fake_search import search_of, trade_off_trials, trial

from tuner.ledger.records import Outcome, TrialRecord
from tuner.report.analysis.parameter_effects import importances
from tuner.report.analysis.progress_curves import growth_by_epochs
from tuner.report.web.plotly_search import plot_growth, plot_importances, plot_parallel

DATA = search_of(trade_off_trials())


def reported(record: TrialRecord, epochs: int) -> TrialRecord:
    """Return a trial that reported its last metrics after each of so many epochs."""
    return replace(record, reports=tuple(replace(record.reports[-1], epoch=epoch + 1) for epoch in range(epochs)))


def test_the_line_of_growth_reaches_the_epochs_that_were_spent() -> None:
    ended, stopped = trial(0, 0.5, 0.5), trial(1, 0.1, 0.1, outcome=Outcome.STOPPED)
    data = search_of([reported(ended, 9), reported(stopped, 3)])
    (line,) = go.Figure(plot_growth({"example": growth_by_epochs(data)})).data
    assert line.x == (0, 9, 12)
    assert line.y == (0.0, 0.25, 0.25)
    assert line.text == ("start", "trial-0000", "so far")


def test_the_axis_of_growth_holds_all_fronts_and_not_the_empty_one() -> None:
    points = growth_by_epochs(DATA)
    low, high = plot_growth({"example": points})["layout"]["yaxis"]["range"]
    volumes = [point.hypervolume for point in points]
    assert 0 < low < min(volumes) < max(volumes) < high
    assert high - low < 1.2 * (max(volumes) - min(volumes))
    assert plot_growth({"example": points[:1]})["layout"]["yaxis"]["range"] is None


def test_lines_of_growth_are_told_apart_without_colours() -> None:
    points = growth_by_epochs(DATA)
    figure = go.Figure(plot_growth(dict.fromkeys("abc", points)))
    assert len({line.marker.symbol for line in figure.data}) == 3
    assert len({line.marker.color for line in figure.data}) == 3


def test_bars_of_importance_are_told_apart_without_colours() -> None:
    figure = go.Figure(plot_importances(importances(DATA)))
    assert len({bars.marker.pattern.shape for bars in figure.data}) == len(DATA.objectives)


def test_a_trial_without_a_parameter_is_left_out_of_the_parallel_coordinates_and_counted() -> None:
    """Plotly would draw its line out of the frame."""
    records = [trial(n, 0.5, 0.1 * n, parameters={"alpha": n / 10, "kind": "ab"[n % 2]}) for n in range(4)]
    records[2] = replace(records[2], parameters={"alpha": 0.7})
    figure = go.Figure(plot_parallel(search_of(records)))
    (lines,) = figure.data
    assert [(axis.label, len(axis.values)) for axis in lines.dimensions][:2] == [("alpha", 3), ("kind", 3)]
    assert all(value is not None for axis in lines.dimensions for value in axis.values)
    assert lines.line.color == pytest.approx((0, 10, 30))
    (note,) = figure.layout.annotations
    assert note.text.startswith("1 of 4 ")
    assert not go.Figure(plot_parallel(DATA)).layout.annotations


def test_parameters_that_most_trials_lack_have_no_parallel_axis_and_are_named() -> None:
    methods = ["trades", "mart", "mma"]
    knobs = [{"objective": methods[n % 3], "bottleneck": 8 * n, f"{methods[n % 3]}_knob": n} for n in range(9)]
    records = [trial(n, 0.5, 0.1 * n, parameters=point) for n, point in enumerate(knobs)]
    figure = go.Figure(plot_parallel(search_of(records)))
    (lines,) = figure.data
    assert [(axis.label, len(axis.values)) for axis in lines.dimensions][:2] == [("bottleneck", 9), ("objective", 9)]
    (note,) = figure.layout.annotations
    assert all(f"{method}_knob" in note.text for method in methods)
