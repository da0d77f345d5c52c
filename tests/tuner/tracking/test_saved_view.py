"""The saved view of a search: what MLflow's page finds in the tag."""

import base64
import json
import zlib
from typing import Any

import pytest
from conditional_spaces import methods_space
from simulated_search import small_space

from tuner.tracking.saved_view import search_of_view, view_key, view_keys, view_state, view_tag, view_value

SPACE = small_space()
FINALS = ["final/natural_accuracy", "final/pgd_accuracy"]


def charts_of(state: dict[str, Any], section: str) -> list[dict[str, Any]]:
    (identifier,) = [found["uuid"] for found in state["compareRunSections"] if found["name"] == section]
    return [chart for chart in state["compareRunCharts"] if chart["metricSectionId"] == identifier]


def test_the_columns_are_the_finals_the_searched_parameters_and_what_became_of_a_trial() -> None:
    columns = view_state(SPACE, "small-1")["selectedColumns"]
    wanted = [*(f"metrics.`{name}`" for name in FINALS), "tags.`pareto`", "tags.`outcome`"]
    wanted += [f"params.`{name}`" for name in ("alpha", "lambda", "bottleneck")]
    assert columns[: len(wanted)] == wanted
    assert {"attributes.`Dataset`", "attributes.`Source`"} <= set(columns)


def test_charts_begin_with_the_front_then_the_hypervolume_and_diagnostics_are_folded() -> None:
    state = view_state(SPACE, "small-1")
    front, volume, parallel = charts_of(state, "Front")
    assert (front["type"], front["xaxis"]["key"], front["yaxis"]["key"]) == ("SCATTER", *FINALS)
    assert (volume["type"], volume["metricKey"]) == ("LINE", "hypervolume")
    assert (parallel["selectedMetrics"], parallel["selectedParams"]) == (FINALS, ["alpha", "lambda", "bottleneck"])
    shown = {section["name"]: section["display"] for section in state["compareRunSections"]}
    assert list(shown)[:2] == ["Front", "Learning curves"]
    assert [name for name, display in shown.items() if display] == ["Front", "Learning curves"]
    assert state["isAccordionReordered"]


def test_the_view_lists_the_trials_of_its_search_the_front_first() -> None:
    state = view_state(SPACE, "small-1")
    assert state["searchFilter"] == "tags.`tuner.search_id` = 'small-1'"
    assert (state["orderByKey"], state["orderByAsc"]) == ("tags.`pareto`", False)
    assert sorted(["dominated", "search", "front"], reverse=True) == ["search", "front", "dominated"]
    assert state["runsHiddenMode"] == "SHOW_ALL"


def test_one_objective_has_no_scatter() -> None:
    mapping = SPACE.model_copy(update={"objectives": {"pgd_accuracy": SPACE.objectives["pgd_accuracy"]}})
    assert [chart["type"] for chart in charts_of(view_state(mapping, "small-1"), "Front")] == ["LINE", "PARALLEL"]


@pytest.mark.parametrize("space", [SPACE, methods_space()])
def test_the_tag_holds_the_view_and_fits_into_mlflows_limit(space: Any) -> None:
    value = view_value(space, "small-1")
    assert len(value) < 20_000
    text = zlib.decompress(base64.b64decode(value.removeprefix("deflate;")))
    assert json.loads(text) == view_state(space, "small-1")
    assert value == view_value(space, "small-1")


def test_the_searches_of_an_experiment_are_those_with_a_view() -> None:
    keys = [view_key(name, f"first-{end}") for name, end in (("a-1", "0a"), ("b.2", "0b"))]
    assert view_keys(["mlflow.note.content", *map(view_tag, keys)]) == keys
    assert [search_of_view(key) for key in keys] == ["a-1", "b.2"]
