"""The lines of a search in a log, and a console that nobody reads any more."""

import pytest
from screen import SPACE, Screen, good, numbers
from simulated_search import MakeLedger, drive

from tuner.driver.progress import PlainProgress
from tuner.ledger import Outcome
from tuner.report.text import last_line
from tuner.search import Search


@pytest.fixture
def search(make_ledger: MakeLedger) -> Search:
    return Search(SPACE, make_ledger(SPACE))


def test_plain_lines_tell_of_starts_rungs_and_ends(search: Search) -> None:
    screen = Screen()
    search.listeners.append(PlainProgress(search, screen.console))
    with PlainProgress(search, screen.console):
        search.next_assignment()
        search.report(0, 1, good(0.5), None)
        search.report(0, 2, good(0.6), None)
        search.next_assignment()
        search.report(1, 1, good(0.25), None)
        search.report(0, 9, good(0.75), None)
    start, rung, second, stopped, completed = screen.lines
    assert start.split() == ["trial", "0:", "alpha=0.5", "lambda=4", "bottleneck=16"]
    assert (numbers(rung), "rung" in rung) == ([0, 1, 50, 25], True)
    assert second.startswith("trial 1: alpha=0.")
    assert numbers(stopped)[:6] == [1, 1, 25, 12.5, 1, 4]
    assert numbers(completed)[:6] == [0, 9, 75, 37.5, 2, 4]
    assert (Outcome.STOPPED in stopped, Outcome.COMPLETED in completed) == (True, True)
    assert len(numbers(stopped)) > 6, "the time that is left"


def test_every_epoch_is_told_when_asked_for(search: Search) -> None:
    screen = Screen()
    search.listeners.append(PlainProgress(search, screen.console, every_epoch=True))
    search.next_assignment()
    for epoch in (1, 2, 3):
        search.report(0, epoch, good(0.5), None)
    told = screen.lines[1:]
    assert [(numbers(line)[:2], "rung" in line) for line in told] == [([0, 1], True), ([0, 2], False), ([0, 3], True)]
    search.report(0, 4, {"loss/total": 1.0}, None)
    assert (numbers(screen.lines[-1]), "%" in screen.lines[-1]) == ([0, 4], False), "not measured"


def test_a_trial_that_continues_says_after_which_epoch(search: Search) -> None:
    search.next_assignment()
    search.report(0, 1, good(0.5), "there")
    screen = Screen()
    resumed = Search(SPACE, search._ledger)
    resumed.listeners.append(PlainProgress(resumed, screen.console))
    resumed.next_assignment()
    (line,) = screen.lines
    assert numbers(line) == [0, 1, 0.5, 4, 16]


@pytest.mark.parametrize(
    ("error", "shown"),
    [("Traceback\n\nRuntimeError: [red]out\n\n", "RuntimeError: [red]out"), ("", last_line("")), ("\n", last_line(""))],
)
def test_a_failure_is_told_by_its_last_line(search: Search, error: str, shown: str) -> None:
    screen = Screen()
    progress = PlainProgress(search, screen.console)
    search.listeners.append(progress)
    search.next_assignment()
    progress.on_retry(0, error)
    search.fail(0, error)
    _, retried, failed = screen.lines
    assert retried.partition(": ")[2] == shown
    assert failed.partition(": ")[2].partition("  [")[0] == shown
    assert "1/4" in failed


def test_lines_are_never_wrapped(search: Search) -> None:
    screen = Screen(width=20)
    search.listeners.append(PlainProgress(search, screen.console))
    drive(search)
    assert all(line.startswith("trial ") for line in screen.lines)
