"""What the picture of a front shows, asserted on the data that is drawn."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from fake_search import OBJECTIVES, REFERENCE, search_of, trade_off_trials, trial
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tuner.ledger.records import Outcome
from tuner.pareto.objectives import FloatArray, Objective
from tuner.report.analysis.front_data import front_data
from tuner.report.analysis.parameter_effects import ParameterScale
from tuner.report.figure.appearance import marks_inside, sparse_marks
from tuner.report.figure.front_figure import Mark, front_figure, further_figures
from tuner.report.figure.staircase import attainment_staircase
from tuner.report.web.plotly_front import plot_front


def test_marks_are_in_the_units_of_the_axes() -> None:
    shown = front_figure(search_of([trial(7, 0.8, 0.4, parameters={"alpha": 0.25})]))
    assert (shown.x.label, shown.y.label) == ("Natural accuracy (%)", "PGD accuracy (%)")
    mark = shown.front[0]
    assert (mark.number, mark.x, mark.y) == (7, 80.0, 40.0)
    assert mark.description == (
        "trial-0007",
        "Natural accuracy (%): 80.00",
        "PGD accuracy (%): 40.00",
        "alpha: 0.25",
        "completed after 120 epochs",
    )


def test_every_trial_with_values_is_drawn_in_the_layer_of_its_state() -> None:
    data = search_of([*trade_off_trials(), trial(30, outcome=Outcome.RUNNING)])
    shown = front_figure(data)
    assert [mark.number for mark in shown.front] == [point.number for point in data.front]
    assert [mark.number for mark in shown.dominated] == [point.number for point in data.dominated]
    drawn = {outcome: len(marks) for outcome, marks in shown.unfinished.items()}
    assert drawn == {Outcome.STOPPED: 13, Outcome.FAILED: 1, Outcome.RUNNING: 2}
    assert shown.knee
    assert shown.knee.number == data.knee
    assert any(note.endswith(": 1.") for note in shown.notes), "the one without values"


def test_maximised_objectives_step_down_first_and_then_right() -> None:
    """From (0.7, 0.5) the accuracy 0.5 is attained only up to 0.7: the corner is (0.7, 0.4)."""
    shown = front_figure(search_of([trial(0, 0.9, 0.4), trial(1, 0.7, 0.5), trial(2, 0.6, 0.3)]))
    inner = sorted(shown.staircase[1:-1])
    assert inner == [pytest.approx(v) for v in [(70, 40), (70, 50), (90, 40)]]
    ends = {shown.staircase[0], shown.staircase[-1]}
    assert ends == {(90.0, shown.y.limits[0]), (shown.x.limits[0], 50.0)}


@given(
    hnp.arrays(np.float64, st.tuples(st.integers(1, 8), st.just(2)), elements=st.integers(0, 6).map(float)),
    st.integers(0, 13),
    st.integers(0, 13),
)
def test_the_staircase_separates_what_is_attained(losses: FloatArray, x_half: int, y_half: int) -> None:
    """A point between grid lines is attained exactly if it lies beyond the staircase."""
    x, y = x_half / 2 + 0.25, y_half / 2 + 0.25
    stairs = attainment_staircase(losses, np.array([9.0, 9.0]))
    attained = bool(((losses <= [x, y]).all(axis=1)).any())
    # Beyond the staircase: right of its left end, and above its lowest step up to x.
    lowest = min((vy for vx, vy in stairs.tolist() if vx <= x), default=np.inf)
    assert attained == (y >= lowest)
    assert (np.diff(stairs[:, 0]) >= 0).all()
    assert (np.diff(stairs[:, 1]) <= 0).all()
    assert ((np.diff(stairs, axis=0) == 0).any(axis=1)).all()


def test_no_losses_have_no_staircase() -> None:
    assert len(attainment_staircase(np.empty((0, 2)), np.zeros(2))) == 0


def test_unfinished_trials_far_away_do_not_press_the_front_into_a_corner() -> None:
    completed = [trial(0, 0.80, 0.50), trial(1, 0.85, 0.45), trial(2, 0.90, 0.40)]
    near = trial(3, 0.78, 0.42, outcome=Outcome.STOPPED, epochs=40)
    far = trial(4, 0.10, 0.10, outcome=Outcome.STOPPED, epochs=1)
    shown = front_figure(search_of([*completed, near, far]))
    low, high = shown.x.limits
    assert 74 < low < 78
    assert 90 < high < 92
    (note,) = shown.outside
    assert note.endswith(": 1.")
    assert len(shown.unfinished[Outcome.STOPPED]) == 2


def test_a_completed_trial_that_collapsed_does_not_either() -> None:
    front = [trial(n, 0.78 + n / 100, 0.5 - n / 100) for n in range(8)]
    shown = front_figure(search_of([*front, trial(8, 0.1, 0.1)]))
    assert shown.x.limits[0] > 70
    assert [note.endswith(": 1.") for note in shown.outside] == [True]
    assert [mark.number for mark in shown.dominated] == [8]
    assert marks_inside(shown.dominated, shown.x.limits, shown.y.limits) == []


def test_accuracies_end_at_0_and_100_per_cent() -> None:
    shown = front_figure(search_of([trial(0, 1.0, 0.0), trial(1, 0.99, 0.01), trial(2, 0.98, 0.02)]))
    assert shown.x.limits[1] - 100 == pytest.approx(0, abs=0.1)
    assert shown.y.limits[0] == pytest.approx(0, abs=0.1)
    assert shown.y.limits[0] < 0, "half of a mark"


def test_the_limits_of_the_search_are_drawn() -> None:
    limited = (Objective("natural_accuracy", maximise=True, limit=0.8), OBJECTIVES[1])
    shown = front_figure(search_of(trade_off_trials(), limited))
    assert shown.accepted == (80.0, None)
    assert len(shown.notes) == len(front_figure(search_of(trade_off_trials())).notes) + 1
    (line,) = plot_front(shown)["layout"]["shapes"]
    assert (line["x0"], line["x1"], line["y0"], line["y1"], line["yref"]) == (80.0, 80.0, 0, 1, "paper")
    alone = front_figure(search_of([trial(0, 0.8)], limited[:1]))
    assert alone.accepted == (None, 80.0)
    assert front_figure(search_of(trade_off_trials())).accepted == (None, None)


@pytest.mark.parametrize("count", [0, 1, 2])
def test_few_trials_have_a_frame_around_them(count: int) -> None:
    shown = front_figure(search_of([trial(n, 0.8 + 0.1 * n, 0.5) for n in range(count)]))
    for low, high in (shown.x.limits, shown.y.limits):
        assert low < high
    assert all(shown.x.limits[0] < mark.x < shown.x.limits[1] for mark in shown.front)


def test_each_pair_counts_what_its_own_axes_leave_out() -> None:
    """The far trial is far from the front in the third objective only."""
    objectives = [*OBJECTIVES, Objective("autoattack_accuracy", maximise=True)]
    front = [trial(n, 0.80 + n / 100, 0.5 - n / 100, 0.3 + n / 100) for n in range(4)]
    data = search_of([*front, trial(4, 0.81, 0.48, 0.01)], objectives)
    counts = [len(each.outside) for each in (front_figure(data), *further_figures(data))]
    assert counts == [0, 1, 1]


def test_three_objectives_have_a_figure_for_each_pair() -> None:
    objectives = [*OBJECTIVES, Objective("autoattack_accuracy", maximise=True)]
    data = search_of([trial(0, 0.8, 0.5, 0.1), trial(1, 0.7, 0.4, 0.3), trial(2, 0.9, 0.3, 0.2)], objectives)
    shown = front_figure(data)
    assert len(shown.front) == 3
    assert "3 objectives" in shown.notes[0]
    others = further_figures(data)
    labels = [f"{name} accuracy (%)" for name in ("Natural", "PGD", "AutoAttack")]
    assert [(each.x.label, each.y.label) for each in (shown, *others)] == list(itertools.combinations(labels, 2))
    assert [len(each.front) for each in others] == [3, 3], "all show the front of all objectives"
    assert further_figures(search_of(trade_off_trials())) == ()
    assert (70.0, 40.0) not in shown.staircase
    assert "AutoAttack accuracy (%): 30.00" in next(m for m in shown.front if m.number == 1).description


def test_one_objective_is_drawn_against_the_trial_number() -> None:
    shown = front_figure(search_of([trial(0, 0.8), trial(1, 0.9)], OBJECTIVES[:1]))
    assert (shown.x.label, shown.y.label) == ("Trial", "Natural accuracy (%)")
    assert [(mark.x, mark.y) for mark in (*shown.front, *shown.dominated)] == [(1.0, 90.0), (0.0, 80.0)]


@pytest.mark.parametrize("maximise", [True, False])
def test_the_line_of_one_objective_is_the_best_value_so_far(maximise: bool) -> None:
    values = [0.5, 0.4, 0.7, 0.6, 0.3]
    objective = Objective("natural_accuracy", maximise)
    shown = front_figure(search_of([trial(n, value) for n, value in enumerate(values)], [objective]))
    best = [100 * (max if maximise else min)(values[: n + 1]) for n in range(5)]
    ends = [*range(1, 5), shown.x.limits[1]]
    np.testing.assert_allclose(shown.staircase[::2], np.column_stack([range(5), best]))
    np.testing.assert_allclose(shown.staircase[1::2], np.column_stack([ends, best]))


def test_a_trial_beyond_a_constraint_is_drawn_as_dominated_and_says_why() -> None:
    records = [trial(0, 0.8, 0.5), trial(1, 0.9, 0.6)]
    for record, seconds in zip(records, (1.0, 9.0), strict=True):
        record.reports[0].metrics["seconds"] = seconds
    constraints = [Objective("seconds", maximise=False, limit=5.0)]
    shown = front_figure(front_data("example", records, OBJECTIVES, REFERENCE, constraints=constraints))
    assert ([mark.number for mark in shown.front], [mark.number for mark in shown.dominated]) == ([0], [1])
    assert "Seconds: 9" in shown.dominated[0].description
    assert len(shown.dominated[0].description) == len(shown.front[0].description) + 1


def points_with(*values: object, name: str = "lambda") -> ParameterScale | None:
    return front_figure(search_of([trial(n, 0.8, 0.5, parameters={name: v}) for n, v in enumerate(values)])).colours


def test_lambda_colours_the_points_before_any_other_parameter() -> None:
    trials = [trial(n, 0.8, 0.5, parameters={"alpha": n / 4, "lambda": 4.0 + n}) for n in range(3)]
    assert front_figure(search_of(trials)).colours == ParameterScale("lambda", logarithmic=False, low=4.0, high=6.0)
    without = [replace(t, parameters={"alpha": t.parameters["alpha"]}) for t in trials]
    assert front_figure(search_of(without)).colours == ParameterScale("alpha", logarithmic=False, low=0.0, high=0.5)


def test_a_decade_or_more_is_shown_on_a_logarithmic_scale() -> None:
    wide = points_with(0.3, 2.0, 30.0)
    assert wide == ParameterScale("lambda", logarithmic=True, low=0.3, high=30.0)
    assert wide.ticks == pytest.approx((0.5, 1, 2, 5, 10, 20))
    zero = points_with(0.0, 30.0)
    assert zero
    assert not zero.logarithmic


@pytest.mark.parametrize("values", [(), (4.0, 4.0), ("a", "b"), (True, False), (None, 1)])
def test_without_a_number_that_varies_nothing_is_coloured(values: tuple[object, ...]) -> None:
    assert points_with(*values) is None


def test_a_trial_without_the_parameter_has_no_colour() -> None:
    shown = front_figure(
        search_of(
            [
                trial(0, 0.8, 0.5, parameters={"depth": 1}),
                trial(1, 0.9, 0.4, parameters={"depth": 3}),
                trial(2, 0.7, 0.6),
            ]
        )
    )
    assert shown.colours
    assert [shown.colours.value(mark.parameters) for mark in shown.front] == [3.0, 1.0, None]


def test_labels_are_kept_apart_and_inside_the_frame() -> None:
    places = [(0.1, 0.1), (0.1, 0.1), (0.12, 0.1), (0.9, 0.9), (1.5, 0.5)]
    marks = [Mark(number=n, x=x, y=y, epochs=1, description=()) for n, (x, y) in enumerate(places)]
    assert [mark.number for mark in sparse_marks(marks, (0, 1), (0, 1))] == [0, 3]
