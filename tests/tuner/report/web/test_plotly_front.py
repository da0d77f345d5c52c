"""The interactive figure of a front: its layers and its menu."""

import numpy as np
import plotly.graph_objects as go
import pytest
from fake_search import search_of, trade_off_trials, trial

from tuner.ledger.records import Outcome
from tuner.report.figure.appearance import unfinished_layers
from tuner.report.figure.front_figure import front_figure
from tuner.report.web.plotly_front import FRONT, plot_front, ticks

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


def test_the_menu_colours_by_any_parameter_that_varies() -> None:
    shown = front_figure(DATA)
    figure = go.Figure(plot_front(shown))
    (menu,) = figure.layout.updatemenus
    assert [button.label for button in menu.buttons] == ["lambda", "alpha", "beta", "bottleneck"]
    assert menu.active == 0
    names = [drawn.name for drawn in figure.data]
    for button in menu.buttons:
        change, layers = button.args
        place = layers.index(names.index(FRONT))
        values = [point.parameters[button.label] for point in DATA.front]
        logarithmic = next(scale.logarithmic for scale in shown.scales if scale.parameter == button.label)
        expected = np.log10(values) if logarithmic else values
        assert change["marker.color"][place] == pytest.approx(expected, abs=1e-5)
        assert change["marker.colorbar.title.text"] == button.label
        assert [names[layer] for layer, bar in zip(layers, change["marker.showscale"], strict=True) if bar] == [FRONT]


def test_a_choice_that_is_no_number_has_its_names_on_the_scale() -> None:
    data = search_of([trial(n, 0.5, 0.5, parameters={"objective": "ab"[n], "alpha": n / 2}) for n in range(2)])
    shown = front_figure(data)
    assert [scale.parameter for scale in shown.scales] == ["alpha", "objective"]
    assert ticks(shown.scales[1]) == ([0.0, 1.0], ["a", "b"])
    assert [shown.scales[1].value(point.parameters) for point in data.points] == [0.0, 1.0]


def test_one_parameter_needs_no_menu() -> None:
    data = search_of([trial(n, 0.5, 0.5, parameters={"alpha": n / 2}) for n in range(2)])
    assert "updatemenus" not in plot_front(front_figure(data))["layout"]
