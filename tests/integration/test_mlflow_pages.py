"""What a user sees of a search in MLflow, in a real Chromium. `make screenshots` keeps the pictures."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

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
    """The search, a browser, and the link to its experiment."""

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
        yield Visit(data, pages, links["digits_tradeoff"])


def test_charts_grow_the_filter_lists_exactly_the_front_and_trials_compare(visit: Visit) -> None:
    visit.pages.open_experiment(visit.link)
    charts = visit.pages.charts(["hypervolume", "front_size"], "mlflow_charts")
    assert charts == {"hypervolume": len(visit.data.history), "front_size": len(visit.data.history)}
    visit.pages.open_experiment(visit.link)
    listed = visit.pages.listed_runs(f"tags.tuner.search = '{NAME}' and tags.pareto = 'front'", "mlflow_front")
    assert sorted(listed) == sorted([NAME, *(f"trial-{point.number:04d}" for point in visit.data.front)])
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
    for button in range(frame.evaluate("document.getElementById('front').layout.updatemenus[0].buttons.length")):
        frame.evaluate(
            """button => {
                const figure = document.getElementById('front');
                return Plotly.restyle(figure, ...figure.layout.updatemenus[0].buttons[button].args);
            }""",
            button,
        )
        assert frame.locator("#front .cbtitle").count() == 1
