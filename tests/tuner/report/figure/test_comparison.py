"""Several fronts in one figure."""

import re
from dataclasses import replace
from html import unescape
from typing import Any

import pytest
from fake_search import OBJECTIVES, REFERENCE, search_of, trade_off_trials, trial
from raises_about import raises_about
from test_front_files import plotly_figures, traces

from tuner.errors import UsageError
from tuner.ledger.records import Outcome
from tuner.pareto.objectives import Objective
from tuner.report.analysis.front_data import FrontData, front_data
from tuner.report.analysis.front_points import Confirmed
from tuner.report.figure.comparison import MOST_PARTS, Comparison, by_parameter, compare
from tuner.report.image import comparison_picture
from tuner.report.web.page import comparison_html
from tuner.report.web.plotly_search import plot_comparison


def named(name: str, seed: int, **setting: object) -> FrontData:
    return front_data(name, trade_off_trials(seed=seed), OBJECTIVES, REFERENCE, setting)


MNIST_ATTACK = {"eval_attack_steps": 40, "eval_attack_step_size": 0.01}
FIRST, SECOND = named("first", 0), named("second", 1)


def test_fronts_share_axes_that_hold_them_all() -> None:
    shown = compare([FIRST, SECOND])
    assert list(shown.fronts) == ["first", "second"]
    for front in shown.fronts.values():
        assert (front.x.limits, front.y.limits) == (shown.x.limits, shown.y.limits)
        assert front.staircase[0][1] == shown.y.limits[0] or front.staircase[0][0] == shown.x.limits[0]
        for mark in (*front.front, *front.dominated):
            assert shown.x.limits[0] < mark.x < shown.x.limits[1]
            assert shown.y.limits[0] < mark.y < shown.y.limits[1]


def test_the_frame_is_of_what_is_drawn() -> None:
    """A part with one completed trial and stopped ones far below it once spread the frame over all of them."""
    near = search_of([trial(n, 0.9 + n / 100, 0.5 - n / 100) for n in range(3)])
    stopped = [trial(n, 0.15, 0.1, outcome=Outcome.STOPPED, epochs=1) for n in range(4, 9)]
    far = replace(search_of([trial(3, 0.93, 0.47), *stopped]), search="far")
    means: dict[str, float] = {"Natural": 0.2, "PGD-20": 0.1}
    confirmed = Confirmed("far-confirm", 3, 2, True, "quick", means, dict.fromkeys(means))
    shown = compare([near, replace(far, confirmed=(confirmed,))])
    assert shown.x.limits == pytest.approx((90 - 0.18, 93 + 0.18))
    assert shown.y.limits == pytest.approx((47 - 0.18, 50 + 0.18))


def test_the_frame_holds_the_bars_of_means_and_the_published_points_near_them() -> None:
    """Of two seeds the deviation is the distance over the square root of 2: the bars reach beyond both."""
    seeds = search_of([trial(n, 0.81 + n / 100, 0.5 + n / 100, parameters={"seed": n}) for n in range(2)])
    (mean,) = compare([seeds]).fronts["example"].means
    shown = compare([seeds, replace(FIRST, points=(), unfinished=())])
    assert shown.x.limits[0] <= mean.place[0] - mean.deviations[0] < 81 - 0.06
    assert shown.x.limits[1] >= mean.place[0] + mean.deviations[0]
    setting = {"dataset": "cifar10", "architecture": "resnet18"}
    wide = compare([seeds, named("first", 0), replace(seeds, search="paper", setting=setting)])
    assert {point.source for point in wide.published} == {
        "Table 4, ResNet-18, PGD-20",
        "Table 12, ResNet-18, PGD-20, lambda 4",
    }
    assert all(wide.x.limits[0] < point.natural < wide.x.limits[1] for point in wide.published)


def test_the_table_has_each_searchs_figures() -> None:
    text_table = compare([FIRST, SECOND]).table
    assert text_table.headings == ["Search", "Completed", "Front", "Hypervolume", "Natural %", "PGD %", "Epochs"]
    best = [f"{100 * max(point.metrics[o.name] for point in FIRST.points):.2f}" for o in OBJECTIVES]
    epochs = str(sum(record.epochs_trained for record in FIRST.records))
    volume = f"{FIRST.hypervolume:.4f}"
    assert text_table.rows[0] == ["first", f"{len(FIRST.points)} of 30", str(len(FIRST.front)), volume, *best, epochs]


def test_a_search_without_a_completed_trial_has_no_hypervolume() -> None:
    stopped = [trial(number, 0.5, 0.2, outcome=Outcome.STOPPED, epochs=1) for number in range(2)]
    shown = compare([FIRST, replace(search_of(stopped), search="early")])
    assert [row["hypervolume"] for row in shown.rows] == [FIRST.hypervolume, None]
    assert "0" not in shown.table.rows[1][3]


def test_different_yardsticks_are_named() -> None:
    assert len(compare([FIRST, SECOND]).notes) == 1
    _, note = compare([named("a", 0, epsilon=0.031), named("b", 1, epsilon=0.3)]).notes
    assert "epsilon is 0.031 in a, 0.3 in b" in note
    other = replace(SECOND, reference={"natural_accuracy": 0.5, "pgd_accuracy": 0.0})
    assert len(compare([FIRST, other]).notes) == 2


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({}, {"split_seed": 0, "eval_images": 0, "epsilon": 0.031}),
        ({"epsilon": "8/255"}, {"epsilon": 8 / 255}),
        ({"eval_every": 4, "rungs": [6]}, {"eval_every": 2, "rungs": [5, 10]}),
        ({"eval_early_attack_steps": 5}, {}),
        ({"epochs": 120}, {"epochs": 120.0, "batch_size": 64, "data_root": "elsewhere", "alpha": 0.1}),
        ({"preset": "mnist_trades"}, {"dataset": "mnist", "epsilon": 0.3, "epochs": 100, **MNIST_ATTACK}),
    ],
)
def test_what_is_said_otherwise_but_measured_alike_is_not_named(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert len(compare([named("a", 0, **one), named("b", 1, **other)]).notes) == 1


def test_yardsticks_of_presets_are_those_of_their_trials() -> None:
    """Where presets are searched, the setting does not have them, but all of them agree in what is measured."""
    presets = [trial(n, 0.1, 0.2, parameters={"preset": f"mnist_{name}"}) for n, name in enumerate(["trades", "mart"])]
    searched = replace(search_of(presets), search="presets", setting={"epochs": 100})
    assert len(compare([searched, *by_parameter(searched, "preset")]).notes) == 1
    assert any("dataset is mnist in presets, cifar10 in b" in note for note in compare([searched, named("b", 1)]).notes)


def test_different_objectives_have_no_common_figure() -> None:
    with raises_about(UsageError, ("first", "example")):
        compare([FIRST, search_of(trade_off_trials(), OBJECTIVES[:1])])


def test_searches_with_different_limits_compare_and_it_is_said() -> None:
    limited = (Objective("natural_accuracy", maximise=True, limit=0.8), OBJECTIVES[1])
    shown = compare([FIRST, search_of(trade_off_trials(), limited)])
    assert len(shown.notes) == len(compare([FIRST, SECOND]).notes) + 1
    assert "limits" in shown.notes[-1]


def test_the_parts_of_a_search_are_listed_by_the_values_of_the_parameter() -> None:
    shown = compare(by_parameter(FIRST, "bottleneck"), by="bottleneck")
    assert shown.table.headings[0] == "bottleneck"
    assert [row[0] for row in shown.table.rows] == ["64", "128", "256", "512"]
    assert [row["bottleneck"] for row in shown.rows] == ["64", "128", "256", "512"]


def test_hovering_names_the_front() -> None:
    drawn = plot_comparison(compare([FIRST, named("<second>", 1)]))["data"]
    assert {trace["hovertemplate"].split("%{text}")[0] for trace in drawn if trace.get("text")} == {
        "<b>first</b><br>",
        "<b>&lt;second&gt;</b><br>",
    }


def test_a_search_is_parted_by_a_parameter_into_fronts_of_their_own() -> None:
    parts = by_parameter(FIRST, "bottleneck")
    assert [part.search for part in parts] == ["bottleneck 64", "bottleneck 128", "bottleneck 256", "bottleneck 512"]
    assert sum(len(part.records) for part in parts) == len(FIRST.records)
    for part in parts:
        assert {record.parameters["bottleneck"] for record in part.records} == {int(part.search.split()[1])}
        assert part.hypervolume <= FIRST.hypervolume
    methods = search_of([trial(n, 0.1, 0.2, parameters={"objective": name}) for n, name in enumerate("cab")])
    assert [part.search for part in by_parameter(methods, "objective")] == ["objective a", "objective b", "objective c"]


def test_the_parts_by_architecture_have_the_published_points_of_each() -> None:
    trials = [trial(n, 0.8, 0.5, parameters={"architecture": name}) for n, name in enumerate(["resnet18", "wrn34_10"])]
    shown = compare(by_parameter(replace(search_of(trials), setting={"dataset": "cifar10"}), "architecture"))
    assert [len(front.published) for front in shown.fronts.values()] == [16, 4]
    assert len(shown.published) == 20


@pytest.mark.parametrize(
    ("values", "names"),
    [
        ([0.12341, 0.12342, 0.12343, 0.12344], ["0.12341", "0.12342", "0.12343", "0.12344"]),
        ([0.5, 0.1 + 0.2, 0.3], ["0.3", "0.30000000000000004", "0.5"]),
        ([1.5, "1.5"], ["1.5", "'1.5'"]),
        ([0.123456, 2], ["0.1235", "2"]),
    ],
)
def test_parts_of_distinct_values_have_distinct_names(values: list[Any], names: list[str]) -> None:
    data = search_of([trial(n, 0.1 * n, 0.5, parameters={"alpha": value}) for n, value in enumerate(values)])
    shown = compare(by_parameter(data, "alpha"))
    assert list(shown.fronts) == list(shown.growth) == [f"alpha {name}" for name in names]
    assert [row[1] for row in shown.table.rows] == ["1 of 1"] * len(values)


def test_searches_of_equal_name_are_told_apart() -> None:
    shown = compare([FIRST, replace(SECOND, search="first"), SECOND])
    assert list(shown.fronts) == ["first", "first (2)", "second"]
    assert [row[0] for row in shown.table.rows] == list(shown.fronts)
    assert shown.fronts["first"].front != shown.fronts["first (2)"].front


def test_more_searches_than_colours_are_refused() -> None:
    searches = [named(f"search-{number}", number) for number in range(MOST_PARTS + 1)]
    assert len(compare(searches[:-1]).fronts) == MOST_PARTS
    with raises_about(UsageError, MOST_PARTS + 1):
        compare(searches)


def test_a_parameter_that_parts_nothing_is_refused() -> None:
    with raises_about(UsageError, ("--by", "depth")) as refused:
        by_parameter(FIRST, "depth")
    assert "alpha, beta, bottleneck, lambda" in str(refused.value), "those that it has"
    with raises_about(UsageError, ("--by", "alpha")):
        by_parameter(FIRST, "alpha")
    with raises_about(UsageError, ("--by", "alpha")):
        by_parameter(search_of([]), "alpha")


def test_the_page_draws_each_front_and_its_growth() -> None:
    page = comparison_html(compare([FIRST, SECOND]))
    drawn = {found["name"]: found for found in traces(page, "fronts") if "name" in found}
    assert drawn["first"]["x"] == pytest.approx([100 * p.metrics["natural_accuracy"] for p in FIRST.front])
    assert [found["name"] for found in traces(page, "growth")] == ["first", "second"]
    assert plotly_figures(page).keys() == {"fronts", "growth"}


def test_each_of_the_most_fronts_has_a_colour_and_a_symbol_of_its_own() -> None:
    page = comparison_html(compare([named(f"search-{number}", number) for number in range(MOST_PARTS)]))
    marks = [found["marker"] for found in traces(page, "fronts") if str(found.get("name")).startswith("search-")]
    assert len({mark["color"] for mark in marks}) == len({mark["symbol"] for mark in marks}) == MOST_PARTS


def test_empty_searches_make_a_page_too() -> None:
    empty = replace(search_of([]), search="empty")
    assert traces(comparison_html(compare([FIRST, empty])), "fronts")
    assert comparison_html(compare([empty, replace(empty, search="other")])).startswith("<!DOCTYPE html>")


def svg_comments(shown: Comparison) -> list[str]:
    """Return the texts of a picture, which an SVG draws as paths with the text as a comment."""
    return [unescape(text) for text in re.findall(r"<!-- (.*?) -->", comparison_picture(shown, "svg").decode())]


def test_a_front_to_come_is_in_every_legend() -> None:
    """Page and picture once differed in what they said of a part without completed trials."""
    running = replace(search_of([trial(0, 0.2, 0.1, outcome=Outcome.RUNNING, epochs=1)]), search="to come")
    shown = compare([FIRST, running, SECOND])
    page = comparison_html(shown)
    legends = [[t["name"] for t in traces(page, key) if t.get("showlegend", True)] for key in ("fronts", "growth")]
    assert legends == [["first", "to come", "second"]] * 2
    assert [text for text in svg_comments(shown) if text in shown.fronts] == ["first", "to come", "second"]


@pytest.mark.parametrize(
    ("title", "drawn"),
    [
        (None, "first, second"),
        ("first by bottleneck", "first by bottleneck"),
        ("a_search_with_a_name_as_long_as_they_come-1 by learning_rate", None),
        (
            "a_search_with_a_name_longer_than_they_come-1 by learning_rate",
            "a_search_with_a_name_longer_than_they_come-1 by learning_ra…",
        ),
    ],
)
def test_page_and_picture_have_the_title(title: str | None, drawn: str | None) -> None:
    shown = compare([FIRST, SECOND], title)
    assert f"<h1>{title or 'first, second'}</h1>" in comparison_html(shown)
    assert (drawn or title) in svg_comments(shown)


def test_a_comparison_of_three_objectives_says_what_its_axes_show() -> None:
    objectives = [*OBJECTIVES, Objective("autoattack_accuracy", maximise=True)]
    searches = [
        front_data(
            name, [trial(0, 0.8, 0.5, 0.1), trial(1, 0.7, 0.4, 0.3)], objectives, {**REFERENCE, objectives[2].name: 0}
        )
        for name in ("one", "other")
    ]
    shown = compare(searches)
    assert "2 of 3" in shown.figure_notes[0]
    assert all(len(front.front) == 2 for front in shown.fronts.values())
