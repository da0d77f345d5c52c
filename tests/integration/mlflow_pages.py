"""Drives MLflow's pages of a search in a real Chromium as a person would, and takes screenshots."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Frame, Page, sync_playwright

from benchmarks.postgres_server import free_port

CHROMIUM = shutil.which("chromium")
_QUIET = "disable-quic no-first-run disable-background-networking disable-component-update disable-sync disable-gpu"
_FLAGS = ["--no-sandbox", *(f"--{flag}" for flag in _QUIET.split())]
_PATIENCE_MS = 120_000
_NAME_CELL = "[role=gridcell][col-id*='Run Name']"


@contextmanager
def tuner_ui(runs_dir: Path) -> Iterator[dict[str, str]]:
    """Run `tuner ui` on a folder of one search and yield the links that it prints, by search."""
    port = str(free_port())
    command = [sys.executable, "-m", "tuner", "ui", "--runs-dir", str(runs_dir), "--port", port]
    with (runs_dir.parent / "ui.log").open("w") as log:
        # A group of its own: MLflow's server starts others.
        server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, start_new_session=True)
    try:
        assert server.stdout
        links = _printed_links(server.stdout)
        _wait_for(server, f"http://127.0.0.1:{port}/health")
        yield links
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait()


def _printed_links(output: Any) -> dict[str, str]:
    """Skip the first line, which is for MLflow as a whole, and read the link of the search."""
    output.readline()
    return dict(re.findall(r"^  (\S+): (http\S+)$", output.readline(), flags=re.MULTILINE))


def _wait_for(server: "subprocess.Popen[str]", address: str) -> None:
    """Ask until the server answers: it imports MLflow first, which takes seconds, or longer on a busy machine."""
    while server.poll() is None:
        try:
            urllib.request.urlopen(address, timeout=60).close()
        except urllib.error.URLError:
            time.sleep(0.2)
            continue
        return
    raise AssertionError(f"tuner ui ended with code {server.returncode}")


class Pages:
    """Opens MLflow's pages, reads them, and saves screenshots in a folder."""

    def __init__(self, page: Page, pictures: Path) -> None:
        self.page = page
        self.pictures = pictures
        self._home = ""
        page.set_default_timeout(_PATIENCE_MS)

    def open_experiment(self, link: str) -> None:
        """Follow a printed link; close the assistant, which a new browser shows first."""
        self._home = link.partition("#")[0]
        self.page.goto("about:blank")  # otherwise the same link would load nothing
        self.page.goto(link)
        self.page.locator(_NAME_CELL).first.wait_for()
        assistant = self.page.get_by_text("Ask questions about your")
        if assistant.is_visible():
            self.page.get_by_label("Close").last.click()
            assistant.wait_for(state="detached")

    def open_from_the_front_page(self, experiment: str, search: str, trial: str) -> int:
        """Go from MLflow's front page to a trial by clicks only, as a new user would; return how many it took.

        What a new browser shows once, tours and the assistant, is closed and not counted.
        """
        clicks = 0
        self.page.goto("about:blank")
        self.page.goto(self._home)
        for link in (experiment, search, trial):
            target = self.page.locator("main a, [role=row] a, p a").get_by_text(link, exact=True).first
            target.wait_for()
            for close in ("Got it", "Skip"):
                if (button := self.page.get_by_role("button", name=close)).is_visible():
                    button.click()
            with self._maybe_new_page():
                target.click()
            clicks += 1
        return clicks

    @contextmanager
    def _maybe_new_page(self) -> Iterator[None]:
        """Go on in the page that a click opens, if it opens one: links in descriptions do."""
        opened: list[Page] = []
        self.page.context.on("page", lambda page: opened.append(page))  # noqa: PLW0108 - playwright marks the function
        yield
        self.page.wait_for_timeout(1500)
        if opened:
            self.page = opened[0]
            self.page.set_default_timeout(_PATIENCE_MS)

    def table(self, picture: str) -> tuple[list[str], list[str]]:
        """Return the headings of the table of runs after the run's name and date, and the names of its runs."""
        self.page.locator("[role=columnheader][col-id*='final/']").first.wait_for()
        self.take(picture)
        ids = "headers => headers.map(h => h.getAttribute('col-id')).filter(id => /^(metrics|tags|params)\\./.test(id))"
        headings = self.page.locator("[role=columnheader][col-id]").evaluate_all(ids)
        return headings, self.page.locator(f"{_NAME_CELL} a").all_inner_texts()

    def listed_runs(self, query: str, picture: str) -> list[str]:
        """Return the names of the runs that a query lists."""
        box = self.page.get_by_test_id("search-box")
        box.fill(query)
        with self.page.expect_response(re.compile("runs/search")):
            box.press("Enter")
        self.page.wait_for_timeout(1000)
        self.take(picture)
        return self.page.locator(f"{_NAME_CELL} a").all_inner_texts()

    def charts(self, picture: str) -> list[dict[str, Any]]:
        """Open the chart view; return the titles of the first three charts, and the points of the first two."""
        self.page.locator("label:has(input[value=CHART])").click()
        cards = self.page.get_by_test_id("experiment-view-compare-runs-card")
        cards.nth(1).locator(".point").first.wait_for()
        cards.nth(2).locator(".parcoords, .js-plotly-plot, svg").first.wait_for()
        self.take(picture)
        read = """plot => plot.data.filter(trace => trace.x && trace.x.length)
                               .map(trace => ({x: [...trace.x], y: [...trace.y]}))"""
        found = []
        for index in range(2):
            title = cards.nth(index).inner_text().splitlines()[0]
            found.append({"title": title, "traces": cards.nth(index).locator(".js-plotly-plot").evaluate(read)})
        return [*found, {"title": cards.nth(2).inner_text().splitlines()[0]}]

    def compare_runs(self, picture: str) -> dict[str, Any]:
        """Choose all runs of the table and compare them; return what the plots draw, by their tabs.

        Of parallel coordinates the values by axis, of the scatter plot those of x and y.
        """
        boxes = self.page.locator(".ag-pinned-left-cols-container .ag-row .ag-selection-checkbox input")
        boxes.nth(1).wait_for()
        for index in range(boxes.count()):
            boxes.nth(index).check()
        self.page.get_by_role("button", name="Compare").click()
        parallel, scatter = "Parallel Coordinates Plot", "Scatter Plot"
        axes = self._drawn(parallel)["dimensions"]
        self.take(picture)
        points = self._drawn(scatter)
        return {
            parallel: {axis["label"]: axis["values"] for axis in axes},
            scatter: {"x": points["x"], "y": points["y"]},
        }

    def _drawn(self, tab: str) -> dict[str, Any]:
        """Open a tab of the comparison and return the first trace of its plot."""
        self.page.get_by_role("tab", name=tab).click()
        plot = self.page.locator("[role=tabpanel][data-state=active] .js-plotly-plot, .js-plotly-plot:visible").first
        plot.wait_for()
        return dict(plot.evaluate("plot => JSON.parse(JSON.stringify(plot.data[0]))"))

    def description(self, run: str, picture: str) -> tuple[str, int]:
        """Open a run; return the text of its description and the width of its picture in pixels."""
        self.page.locator(f"{_NAME_CELL} a").get_by_text(run, exact=True).click()
        self.page.get_by_text("Show more").click()
        image = self.page.locator("img[src*=get-artifact]")
        image.wait_for()
        width = image.evaluate("image => image.decode().then(() => image.naturalWidth)")
        self.take(picture)
        return self.page.locator("body").inner_text(), int(width)

    def artifact_page(self, name: str, picture: str) -> Frame:
        """Show a page among the artifacts; return its frame when its first figure is drawn."""
        self.page.get_by_role("tab", name="Artifacts").click()
        self.page.get_by_text(name, exact=True).first.click()
        handle = self.page.locator("iframe.mlflow-html-iframe").element_handle()
        frame = handle.content_frame()
        assert frame
        frame.locator("#front .scatterlayer .point").first.wait_for()
        # Hide the path: it is a folder of the machine that takes the screenshot.
        self.page.get_by_text("Path:").evaluate("element => { element.style.visibility = 'hidden'; }")
        self.take(picture)
        return frame

    def take(self, name: str) -> None:
        """Save a screenshot of the window."""
        self.page.screenshot(path=self.pictures / f"{name}.png", animations="disabled")


def hover_text(page: Page, frame: Frame, name: str, index: int) -> str:
    """Move the mouse to a point of a figure's layer and return the text that appears there."""
    x, y = frame.evaluate(
        """([name, index]) => {
            const figure = document.getElementById('front');
            const layer = figure.data.find(found => found.name === name);
            const {xaxis, yaxis} = figure._fullLayout;
            return [xaxis.d2p(layer.x[index]), yaxis.d2p(layer.y[index])];
        }""",
        [name, index],
    )
    area = frame.locator("#front .nsewdrag").bounding_box()
    assert area
    # In two moves: Plotly reacts to moves, not to where the mouse is.
    page.mouse.move(area["x"] + x - 40, area["y"] + y)
    page.mouse.move(area["x"] + x, area["y"] + y, steps=10)
    # The mouse passes other points, whose texts stay until Plotly handles the last move.
    frame.wait_for_function(
        """([name, index]) => {
            const [point] = document.getElementById('front')._hoverdata || [{}];
            return point.pointNumber === index && point.data.name === name;
        }""",
        arg=[name, index],
    )
    label = frame.locator("#front .hovertext")
    label.wait_for()
    return str(label.locator("text").first.get_attribute("data-unformatted"))


@contextmanager
def chromium(pictures: Path) -> Iterator[Pages]:
    """Start a headless Chromium with a profile of its own."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=_FLAGS)
        try:
            yield Pages(browser.new_page(viewport={"width": 1280, "height": 800}), pictures)
        finally:
            browser.close()
