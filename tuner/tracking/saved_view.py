"""The saved view with which MLflow opens a search: columns, order, and charts, as the value of an experiment's tag.

MLflow's page reads the tag `mlflow.sharedViewState.KEY` if the link has `viewStateShareKey=KEY`. The names below are
those of its page, seen in MLflow 3.17.2; a page that does not know one of them ignores it.
"""

import base64
import json
import uuid
import zlib
from collections.abc import Iterable
from typing import Any

from tuner.confirm.presentation import presentation_of
from tuner.space import Space
from tuner.tracking.layout import DIAGNOSTICS, FINAL, SEARCH_ID

_TAG = "mlflow.sharedViewState."
# MLflow's own section, for metrics without a slash in their name.
_OTHER_METRICS = "Model metrics"
_SCATTER_RUNS = 1000
# A fixed value, so that each view has the same ids whenever it is written.
_NAMESPACE = uuid.UUID("6f0b7f0e-6c1d-4c0a-9d39-5d0d7f3f2b11")


def view_key(search: str, search_id: str) -> str:
    """Return the key of a search's view: its name, and the end of its id, because two folders may use one name."""
    return f"{search}-{search_id.rpartition('-')[2]}"


def search_of_view(key: str) -> str:
    """Return the name of the search in the key of its view."""
    return key.rpartition("-")[0]


def view_tag(key: str) -> str:
    """Return the key of the experiment's tag that holds a view."""
    return f"{_TAG}{key}"


def view_keys(tags: Iterable[str]) -> list[str]:
    """Return the keys of the views that an experiment with these tags has."""
    return [tag.removeprefix(_TAG) for tag in tags if tag.startswith(_TAG)]


def view_value(space: Space, search_id: str) -> str:
    """Return the value of the tag, compressed in the form of MLflow's page."""
    text = json.dumps(view_state(space, search_id), separators=(",", ":"))
    return f"deflate;{base64.b64encode(zlib.compress(text.encode())).decode()}"


def view_state(space: Space, search_id: str) -> dict[str, Any]:
    """Return the state of the page: which runs, in which order, with which columns and charts.

    The table is ordered by the tag `pareto`, downwards: the search, the front, dominated trials, the rest. In any order
    but by date MLflow lists the trials beside the search, and does not fold them under it.
    """
    sections, charts = _charts(space)
    ranked = presentation_of(space).has_front
    return {
        "searchFilter": f"tags.`{SEARCH_ID}` = '{search_id}'",
        "orderByKey": "tags.`pareto`" if ranked else "tags.`outcome`",
        "orderByAsc": not ranked,
        "selectedColumns": _columns(space),
        "columnOrder": ["attributes.`Run Name`", *_columns(space), "runDateAndNestInfo"],
        "runsHiddenMode": "SHOW_ALL",
        "compareRunCharts": charts,
        "compareRunSections": sections,
        # Otherwise MLflow sorts the sections by name.
        "isAccordionReordered": True,
    }


def _columns(space: Space) -> list[str]:
    ranked = presentation_of(space).has_front
    tags = ["pareto", "outcome"] if ranked else ["outcome"]
    return [
        *(f"metrics.`{name}`" for name in _final_names(space)),
        *(f"tags.`{name}`" for name in tags),
        *(f"params.`{name}`" for name in space.parameters),
        "attributes.`Dataset`",
        "attributes.`Source`",
    ]


def _final_names(space: Space) -> list[str]:
    return list(dict.fromkeys(f"{FINAL}{criterion.name}" for criterion in space.criteria))


def _charts(space: Space) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the sections and their charts. MLflow adds a chart for each other metric to the section of its name."""
    finals, objectives = _final_names(space), list(space.objectives)
    front, curves = _section("Front"), _section("Learning curves")
    closed = [FINAL.rstrip("/"), "loss", DIAGNOSTICS.rstrip("/"), _OTHER_METRICS]
    charts = []
    if presentation_of(space).has_front:
        if len(objectives) > 1:
            charts.append(_chart(front, "SCATTER", "scatter", **_scatter(*finals[:2])))
        charts.append(_chart(front, "LINE", "hypervolume", **_line("hypervolume")))
    parallel = {"selectedParams": list(space.parameters), "selectedMetrics": finals, "showAllRuns": False}
    charts.append(_chart(front, "PARALLEL", "parallel", **parallel))
    charts += [_chart(curves, "LINE", name, **_line(name)) for name in objectives]
    return [front, curves, *(_section(name, display=False) for name in closed)], charts


def _section(name: str, *, display: bool = True) -> dict[str, Any]:
    identifier = str(uuid.uuid5(_NAMESPACE, f"section {name}"))
    return {"uuid": identifier, "name": name, "display": display, "isReordered": False}


def _chart(section: dict[str, Any], kind: str, key: str, **properties: Any) -> dict[str, Any]:
    identifier = str(uuid.uuid5(_NAMESPACE, f"{kind} {key}"))
    common = {"uuid": identifier, "type": kind, "metricSectionId": section["uuid"], "deleted": False}
    return {**common, "isGenerated": False, "runsCountToCompare": _SCATTER_RUNS, **properties}


def _scatter(x: str, y: str) -> dict[str, Any]:
    return {"xaxis": {"key": x, "type": "METRIC"}, "yaxis": {"key": y, "type": "METRIC"}}


def _line(metric: str) -> dict[str, Any]:
    return {
        "metricKey": metric,
        "selectedMetricKeys": [metric],
        "displayName": metric,
        "xAxisKey": "step",
        "scaleType": "linear",
        "xAxisScaleType": "linear",
        "range": {},
        "useGlobalXaxisKey": True,
        "useGlobalLineSmoothing": True,
    }
