"""The page of `tuner ui --live` in a real Chromium, on a simulated search. `SCREENSHOTS=DIR` keeps the pictures."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from mlflow_pages import CHROMIUM, Pages, chromium
from playwright.sync_api import Page
from simulated_search import SEARCH, Searches, measured, small_space, train

from tuner.ledger import InstructionState, SqlLedger
from tuner.runs.lock import only_driver
from tuner.search import Search
from tuner.steering.steering import Steering

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="needs Debian's package chromium"),
]


@contextmanager
def live_page(runs_dir: Path) -> Iterator[str]:
    """Run `tuner ui --live` on the search and yield the link that it prints; check that a signal ends it well."""
    command = [sys.executable, "-m", "tuner", "ui", "--live", SEARCH, "--runs-dir", str(runs_dir)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout
        found = re.search(r"http://\S+", server.stdout.readline())
        assert found
        yield found.group()
        server.send_signal(signal.SIGINT)
        assert server.wait() == 0
    finally:
        server.kill()
        server.wait()


@pytest.fixture
def pages(tmp_path: Path) -> Iterator[Pages]:
    pictures = Path(os.environ.get("SCREENSHOTS", tmp_path))
    pictures.mkdir(parents=True, exist_ok=True)
    with chromium(pictures) as pages:
        yield pages


@pytest.fixture
def searches(runs_dir: Path, empty_database: Path) -> Iterator[Searches]:
    searches = Searches(runs_dir, empty_database)
    yield searches
    searches.close()


def begun(ledger: SqlLedger) -> Search:
    """Simulate some trials of a search to their ends, and begin one more."""
    search = Search(small_space(), ledger)
    for _ in range(9):
        assignment = search.next_assignment()
        assert assignment
        train(search, assignment)
    running = search.next_assignment()
    assert running
    search.report(running.number, 1, measured(running.parameters, 1), None)
    return search


def take_all(pages: Pages) -> None:
    """Take pictures at both widths in both schemes; at none of them the page is wider than the window."""
    page = pages.page
    for width, height in ((1400, 1000), (400, 800)):
        page.set_viewport_size({"width": width, "height": height})
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            page.wait_for_timeout(1500)
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            page.screenshot(path=pages.pictures / f"live_{width}_{scheme}.png", full_page=True)
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": 1400, "height": 1000})


def answered(page: Page, steering: Steering, ledger: SqlLedger) -> str:
    """Let the driver look for the instruction that the page has sent; return the answer that the page shows."""
    page.wait_for_function("document.getElementById('answer').textContent.includes('on record')")
    steering.poll()
    last = ledger.instructions()[-1]
    assert last.state is InstructionState.OBEYED
    page.locator("#answer", has_text=str(last.answer)).wait_for()
    return str(last)


def test_the_page_shows_a_running_search_and_steers_it(runs_dir: Path, searches: Searches, pages: Pages) -> None:
    ledger = searches.make_ledger(small_space())
    search = begun(ledger)
    running = search.trials[-1].number
    page, faults = pages.page, []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    with only_driver(runs_dir / SEARCH), live_page(runs_dir) as link:
        steering = Steering(search, ledger, clock=iter(range(0, 10**6, 2)).__next__)
        page.goto(link)
        page.locator("#state", has_text="running").wait_for()
        assert "token" not in page.url
        assert page.locator("#trials tbody tr").count() == len(search.trials)
        page.locator("#front .scatterlayer .point").first.wait_for()

        page.locator("#trials a").get_by_text(str(search.trials[0].number), exact=True).click()
        page.locator("#details tbody tr").first.wait_for()
        take_all(pages)

        page.get_by_text("Add a trial").press("Enter")  # by the keyboard
        page.locator("input[name=alpha]").fill("0.25")
        page.get_by_role("button", name="Add the trial").click()
        assert answered(page, steering, ledger) == "add alpha=0.25"

        page.get_by_text("Change how much runs").click()
        page.locator("input[name='search.trials']").fill("0")
        page.get_by_role("button", name="Change", exact=True).click()
        page.locator("#answer.wrong").wait_for()
        page.locator("input[name='search.trials']").fill("40")
        page.get_by_role("button", name="Change", exact=True).click()
        assert answered(page, steering, ledger) == "set search.trials=40"
        assert search.space.search.trials == 40

        page.locator("#trials").get_by_role("button", name=f"Stop trial {running}").click()
        page.locator("#ask").get_by_role("button", name="Stop the trial").click()
        assert answered(page, steering, ledger) == f"stop {running}"
        page.locator(f"#trials tr[data-outcome=stopped] a[href='#trial-{running}']").wait_for()

        page.get_by_role("button", name="Stop the search").click()
        page.locator("#ask").get_by_role("button", name="Go back").click()
        assert ledger.instructions()[-1].kind == "stop"
        assert not steering.stopping
        page.get_by_role("button", name="Stop the search").click()
        page.locator("#ask").get_by_role("button", name="Stop the search").click()
        assert answered(page, steering, ledger) == "stop"
        assert steering.stopping
    # One request was refused, for a value that is not allowed; the browser calls that an error.
    assert [fault for fault in faults if "422" not in fault] == []


def test_the_page_follows_a_search_from_its_first_report_to_its_end(
    runs_dir: Path, searches: Searches, pages: Pages
) -> None:
    space = small_space(search={"trials": 2})
    search = Search(space, searches.make_ledger(space))
    page = pages.page
    with live_page(runs_dir) as link:
        page.goto(link)
        page.locator("#state", has_text="not started").wait_for()
        assert page.get_by_role("button", name="Stop the search").is_disabled()
        assignment = search.next_assignment()
        assert assignment
        search.report(assignment.number, 1, measured(assignment.parameters, 1), None)
        page.locator("#state", has_text="interrupted").wait_for()
        page.locator("#front .scatterlayer .point").first.wait_for()
        for epoch in range(2, 10):
            search.report(assignment.number, epoch, measured(assignment.parameters, epoch), None)
        other = search.next_assignment()
        assert other
        train(search, other)
        page.locator("#state", has_text="finished").wait_for()
        assert page.locator("#trials tbody tr").count() == 2
        drawn = page.evaluate("figures.front.data.find(layer => layer.name === 'Pareto front').x.length")
        assert drawn == page.locator("#trials tr.front").count() > 0
