"""The plot of a front in characters."""

from fake_search import search_of, trade_off_trials, trial
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from tuner.ledger.records import Outcome
from tuner.report.console.terminal import cell, plot_lines, print_plot
from tuner.report.figure.front_figure import front_figure


def test_marks_lie_where_their_values_are() -> None:
    data = search_of([trial(0, 0.9, 0.1), trial(1, 0.1, 0.9), trial(2, 0.05, 0.05)])
    lines = plot_lines(front_figure(data), width=20, height=10)
    rows = [line.partition("┤")[2] for line in lines[1:11]]
    places = {(row, column): mark for row, line in enumerate(rows) for column, mark in enumerate(line) if mark != " "}
    # A frame 6 % wider than the marks: its first and last cells are the marks' own.
    assert places == {(0, 2): "●", (8, 18): "●", (9, 1): "∘"}
    assert lines[0] == "PGD accuracy (%)   ● front, ∘ dominated"
    assert "Natural accuracy (%)" in lines[-1]


def test_the_knee_and_unfinished_trials_are_in_the_legend_if_there_are_any() -> None:
    lines = plot_lines(front_figure(search_of(trade_off_trials())))
    assert lines[0].endswith("◆ knee, ● front, ∘ dominated, · unfinished")
    assert sum("◆" in line for line in lines[1:]) == 1


def test_without_values_there_is_no_plot() -> None:
    assert plot_lines(front_figure(search_of([]))) == []
    assert plot_lines(front_figure(search_of([trial(0, outcome=Outcome.RUNNING)]))) == []


def test_a_narrow_terminal_gets_a_narrow_plot_or_none() -> None:
    shown = front_figure(search_of(trade_off_trials()))
    for width in (25, 40, 80, 200):
        console = Console(width=width, color_system=None)
        with console.capture() as capture:
            print_plot(console, shown)
        printed = capture.get().splitlines()
        assert bool(printed) == (width >= 30)
        assert all(len(line) <= width for line in printed)


@given(st.floats(-5, 5), st.floats(0.1, 5), st.floats(0, 1), st.integers(1, 80))
def test_a_value_inside_the_limits_has_a_cell(low: float, extent: float, share: float, count: int) -> None:
    limits = (low, low + extent)
    value = min(limits[1], low + share * extent)
    found = cell(value, limits, count)
    assert found is not None
    assert 0 <= found < count
    assert cell(limits[1] + 0.1, limits, count) is None
    assert cell(low - 0.1, limits, count) is None
