"""The interactive figure of a front: its layers and its menu."""

import numpy as np
import plotly.graph_objects as go
import pytest
from fake_search import search_of, trade_off_trials, trial

from tuner.ledger.records import Outcome
from tuner.report.figure.appearance import PALETTE, unfinished_layers
from tuner.report.figure.front_figure import front_figure
from tuner.report.web.colours import ticks
from tuner.report.web.plotly_front import FRONT, colourings, plot_front

DATA = search_of(trade_off_trials())


def test_stopped_trials_are_parted_by_the_rung_they_reached() -> None:
    layers = {name: marks for name, _, _, marks in unfinished_layers(front_figure(DATA))}
    assert {mark.epochs for mark in layers["stopped at epoch 13"]} == {13}
    assert {mark.epochs for mark in layers["stopped at epoch 40"]} == {40}
    assert len(layers["stopped at epoch 13"]) + len(layers["stopped at epoch 40"]) == 13
    assert len(layers["failed (at epoch)"]) == 1


def test_many_different_epochs_are_one_layer() -> None:
    stopped = [trial(n, 0.5, 0.5, outcome=Outcome.STOPPED, epochs=n + 1) for n in range(9)]
    assert [name for name, *_ in unfinished_layers(front_figure(search_of(stopped)))] == ["stopped (at epoch)"]


def test_the_reader_can_colour_by_any_parameter_that_varies() -> None:
    shown = front_figure(DATA)
    drawn = plot_front(shown)
    found = {colours["name"]: colours["markers"] for colours in colourings(shown, drawn)}
    assert list(found) == ["lambda", "alpha", "beta", "bottleneck"]
    names = [layer.get("name") for layer in drawn["data"]]
    for name in ("lambda", "alpha", "beta"):
        marker = found[name][names.index(FRONT)]
        values = [point.parameters[name] for point in DATA.front]
        logarithmic = next(scale.logarithmic for scale in shown.scales if scale.parameter == name)
        assert marker["color"] == pytest.approx(np.log10(values) if logarithmic else values, abs=1e-5)
        assert marker["colorbar"]["title"]["text"] == name
        assert [names[place] for place, other in found[name].items() if other["showscale"]] == [FRONT]
    assert drawn["data"][names.index(FRONT)]["marker"]["color"] == found["lambda"][names.index(FRONT)]["color"]
    for markers in found.values():  # plotly's own check accepts them
        go.Figure([{**drawn["data"][place], "marker": marker} for place, marker in markers.items()])


def test_a_number_with_few_values_has_a_step_for_each() -> None:
    shown = front_figure(DATA)
    drawn = plot_front(shown)
    found = {colours["name"]: colours["markers"] for colours in colourings(shown, drawn)}
    place = [layer.get("name") for layer in drawn["data"]].index(FRONT)
    levels = [64, 128, 256, 512]
    marker = found["bottleneck"][place]
    assert marker["color"] == [levels.index(point.parameters["bottleneck"]) for point in DATA.front]
    assert marker["colorbar"]["ticktext"] == [str(level) for level in levels]
    assert len({colour for _, colour in marker["colorscale"]}) == 4


def test_a_choice_has_colours_without_an_order() -> None:
    points = [trial(n, 0.5, 0.5 + n / 100, parameters={"objective": "abc"[n % 3]}) for n in range(9)]
    shown = front_figure(search_of(points))
    marker = next(found for found in plot_front(shown)["data"] if found.get("name") == FRONT)["marker"]
    assert {colour for _, colour in marker["colorscale"]} == set(PALETTE[:3])
    assert (marker["cmin"], marker["cmax"]) == (-0.5, 2.5)
    assert marker["colorbar"]["ticktext"] == ["a", "b", "c"]


def test_a_choice_that_is_no_number_has_its_names_on_the_scale() -> None:
    data = search_of([trial(n, 0.5, 0.5, parameters={"objective": "ab"[n], "alpha": n / 2}) for n in range(2)])
    shown = front_figure(data)
    assert [scale.parameter for scale in shown.scales] == ["alpha", "objective"]
    assert ticks(shown.scales[1]) == ([0.0, 1.0], ["a", "b"])
    assert [shown.scales[1].value(point.parameters) for point in data.points] == [0.0, 1.0]


def test_the_step_line_goes_as_far_as_the_farthest_trial() -> None:
    shown = front_figure(DATA)
    stairs = next(found for found in plot_front(shown)["data"] if found["mode"] == "lines")
    stopped = [mark for marks in shown.unfinished.values() for mark in marks]
    assert min(stairs["x"]) == min(mark.x for mark in stopped) < shown.x.limits[0]
    assert list(zip(stairs["x"], stairs["y"], strict=True))[1:-1] == list(shown.staircase[1:-1])
