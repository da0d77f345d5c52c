"""What a user sees of a search in MLflow, in a real Chromium. `make screenshots` keeps the pictures."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from mlflow_pages import CHROMIUM, Pages, chromium, hover_text, tuner_ui
from simulated_search import CountingClock, Searches, drive

from tuner.driver.sync import sync_search
from tuner.report.analysis.front_data import FrontData
from tuner.report.load import load_search
from tuner.report.text import format_metric
from tuner.search import Search
from tuner.space import load_space

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="needs Debian's package chromium"),
]
NAME = "digits_tradeoff-1"


@dataclass
class Visit:
    """The search, a browser, and the link that `tuner ui` prints."""

    data: FrontData
    pages: Pages
    link: str


@pytest.fixture(scope="module")
def visit(tmp_path_factory: pytest.TempPathFactory, empty_database: Path) -> Iterator[Visit]:
    """Simulate a search of the shipped space, without training, and open MLflow on it."""
    runs_dir = tmp_path_factory.mktemp("pages") / "runs"
    searches, space = Searches(runs_dir, empty_database), load_space("digits_tradeoff")
    drive(Search(space, searches.make_ledger(space, NAME), CountingClock()))
    searches.close()
    sync_search(runs_dir, NAME, None, None)
    data = load_search(runs_dir, NAME).data
    pictures = Path(os.environ.get("SCREENSHOTS", runs_dir.parent))
    pictures.mkdir(parents=True, exist_ok=True)
    with tuner_ui(runs_dir) as links, chromium(pictures) as pages:
        yield Visit(data, pages, links[NAME])


def test_the_link_opens_a_table_of_finals_and_searched_parameters_with_the_front_first(visit: Visit) -> None:
    visit.pages.open_experiment(visit.link)
    columns, names = visit.pages.table("mlflow_trials")
    finals = ["metrics.`final/natural_accuracy`", "metrics.`final/pgd_accuracy`"]
    assert columns[:4] == [*finals, "tags.`pareto`", "tags.`outcome`"]
    assert columns[4:] == [f"params.`{name}`" for name in ("alpha", "beta", "lambda", "bottleneck")][: len(columns) - 4]
    front = {f"trial-{point.number:04d}" for point in visit.data.front}
    assert names[0] == NAME
    assert set(names[1 : 1 + len(front)]) == front


def test_three_clicks_lead_from_the_front_page_to_a_model(visit: Visit) -> None:
    visit.pages.open_experiment(visit.link)
    best = visit.data.front[0].number
    assert visit.pages.open_from_the_front_page("digits_tradeoff", NAME, f"trial-{best:04d}") == 3
    command = visit.pages.page.get_by_text(f"tuner export {NAME} {best} --out")
    command.wait_for()
    assert command.is_visible(), "without another click"
    visit.pages.take("mlflow_trial")


def test_charts_begin_with_the_front_and_the_hypervolume(visit: Visit) -> None:
    visit.pages.open_experiment(visit.link)
    scatter, volume, parallel = visit.pages.charts("mlflow_charts")
    points = np.array([point for trace in scatter["traces"] for point in zip(trace["x"], trace["y"], strict=True)])
    finals = np.array([[point.metrics[o.name] for o in visit.data.objectives] for point in visit.data.points])
    np.testing.assert_allclose(points[np.lexsort(points.T)], finals[np.lexsort(finals.T)])
    assert volume["title"] == "hypervolume"
    volumes = [entry.hypervolume for entry in visit.data.history]
    assert next(line["y"] for line in volume["traces"] if len(line["y"]) > 1) == pytest.approx(volumes)
    assert parallel["title"] == "Parallel Coordinates"


def test_the_filter_lists_exactly_the_front_and_trials_compare(visit: Visit) -> None:
    visit.pages.open_experiment(visit.link)
    listed = visit.pages.listed_runs(f"tags.tuner.search = '{NAME}' and tags.pareto = 'front'", "mlflow_front")
    assert sorted(listed) == sorted(f"trial-{point.number:04d}" for point in visit.data.front)
    plots = visit.pages.compare_runs("mlflow_compare")
    front = {p.parameters["alpha"]: p.metrics["natural_accuracy"] for p in visit.data.front}
    parallel, scatter = plots["Parallel Coordinates Plot"], plots["Scatter Plot"]
    assert dict(zip(parallel["alpha"], parallel["natural_accuracy"], strict=True)) == pytest.approx(front)
    assert sorted(map(float, scatter["x"])) == pytest.approx(sorted(front)), "alpha, the first of its choices"


def test_the_search_has_table_picture_and_page(visit: Visit) -> None:
    visit.pages.open_experiment(visit.link)
    text, width = visit.pages.description(NAME, "mlflow_search")
    assert f"Hypervolume {visit.data.hypervolume:.4f}" in text
    for point in visit.data.front:
        cells = [str(point.number), *(format_metric(name, value) for name, value in point.metrics.items())]
        assert "\t".join(cells) in text
    assert width == 768, "the SVG's own width, which fits into the page"
    frame = visit.pages.artifact_page("front.html", "mlflow_page")
    drawn = frame.evaluate("Object.fromEntries(document.getElementById('front').data.map(t => [t.name, t.x]))")
    assert drawn["Pareto front"] == pytest.approx([100 * p.metrics["natural_accuracy"] for p in visit.data.front])
    best = visit.data.front[0]
    shown = hover_text(visit.pages.page, frame, "Pareto front", 0)
    assert f"trial-{best.number:04d}" in shown
    assert f"PGD accuracy (%): {100 * best.metrics['pgd_accuracy']:.2f}" in shown
    assert f"lambda: {best.parameters['lambda']:.4g}" in shown
    visit.pages.take("mlflow_page")
    # There is one colour bar, whatever parameter colours the points.
    menu = frame.locator("select[data-colours=front]")
    for name in menu.locator("option").all_inner_texts():
        menu.select_option(name)
        frame.locator("#front .cbtitle", has_text=name).wait_for()
        assert frame.locator("#front .cbtitle").count() == 1
