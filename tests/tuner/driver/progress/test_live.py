"""The live table of a search on a terminal."""

import pytest
from screen import SPACE, Screen, good, numbers
from simulated_search import CountingClock, MakeLedger, drive, new_search, small_space, train

from tuner.driver.progress import LiveProgress, PlainProgress
from tuner.search import Search


@pytest.fixture
def search(make_ledger: MakeLedger) -> Search:
    return Search(SPACE, make_ledger(SPACE))


def test_both_displays_know_the_bounds(make_ledger: MakeLedger) -> None:
    search = new_search(make_ledger, search={"trials": 4, "max_epochs": 20})
    screen = Screen(terminal=True)
    live = LiveProgress(search, screen.console, "small-1", time_budget_seconds=0.0)
    search.listeners.append(PlainProgress(search, screen.console, time_budget_seconds=1e-9))
    first = search.next_assignment()
    assert first is not None
    train(search, first)
    screen.console.print(live._render())
    assert numbers(screen.line("epochs")) == [9, 20]
    assert numbers(screen.line(" so far"))[1:] == [], "no time is left"
    _, _, progress = screen.line("completed", "1/4").partition("[")
    assert numbers(progress) == [1, 4], "and none is told"


def test_the_live_table_shows_running_trials_and_the_front(search: Search) -> None:
    screen = Screen(terminal=True)
    live = LiveProgress(search, screen.console, "small-1", validation_images=400)
    search.listeners.append(live)
    first = search.next_assignment()
    assert first is not None
    train(search, first)
    search.next_assignment()
    search.report(1, 1, good(0.99), None)
    screen.console.print(live._render())
    assert screen.line("1/4").startswith("small-1")
    assert screen.line("1/9").split()[:3] == ["1", "1/9", "99.00"]
    assert numbers(screen.line("epochs")) == [10, 36]
    assert "Pareto front" in screen.text
    assert "±" in screen.text


def test_the_live_table_runs_to_the_end_and_leaves_failures_behind(search: Search) -> None:
    screen = Screen(terminal=True)
    live = LiveProgress(search, screen.console, "small-1")
    search.listeners.append(live)
    with live:
        search.next_assignment()
        search.fail(0, "RuntimeError: out of memory")
        live.on_retry(0, "again")
        drive(search)
    screen.console.print(live._render())
    assert "RuntimeError: out of memory" in screen.text
    assert "4/4" in screen.text
    assert live._alive == set()


def test_the_live_display_keeps_to_eighty_columns_however_many_parameters_there_are(make_ledger: MakeLedger) -> None:
    """A line that wraps makes the display lose its place and fill the screen with copies."""
    names = ["alpha", "beta", "weight_decay", "learning_rate", "sigma_bias", "sigma_floor", "momentum"]
    parameters = {name: {"type": "float", "low": 0.1, "high": 0.9} for name in names}
    space = small_space(parameters=parameters, search={"trials": 4})
    search = Search(space, make_ledger(space, "a-search-with-quite-a-long-name"))
    screen = Screen(terminal=True, width=80)
    live = LiveProgress(search, screen.console, "a-search-with-quite-a-long-name")
    search.listeners.append(live)
    for number in range(3):
        search.next_assignment()
        search.report(number, 9, {"natural_accuracy": 0.5 + number / 10, "pgd_accuracy": 0.5 - number / 10}, None)
    search.next_assignment()
    screen.console.print(live._render())
    assert max(map(len, screen.lines)) <= 80
    assert screen.line("Running").split()[:6] == ["Running", "Epoch", "Natural", "%", "PGD", "%"]
    assert sum("alpha" in line for line in screen.lines) == 2
    assert not any(line.strip() in {"floor", "momentum"} for line in screen.lines)


def test_a_live_table_of_nothing_renders(search: Search) -> None:
    screen = Screen(terminal=True)
    screen.console.print(LiveProgress(search, screen.console, "small-1")._render())
    assert len(numbers(screen.line(" so far"))) == 1, "the time that is left is not known"
    assert "Pareto front" not in screen.text


def test_the_live_table_says_what_it_waits_for_until_the_first_report_of_this_driver(search: Search) -> None:
    search.next_assignment()
    search.report(0, 1, good(0.9), None)
    resumed = Search(SPACE, search._ledger)
    live = LiveProgress(resumed, Screen(terminal=True).console, "small-1")
    resumed.listeners.append(live)
    before = live._waits_for(1)
    resumed.next_assignment()
    starting = live._waits_for(1)
    assert "" not in {before, starting}
    assert before != starting
    assert numbers(starting) == [1]
    resumed.report(0, 2, good(0.9), None)
    assert live._waits_for(2) == ""


def test_a_long_front_is_thinned_out_on_a_terminal(make_ledger: MakeLedger) -> None:
    search = new_search(
        make_ledger, CountingClock(), search={"trials": 14}, early_stopping={"scheduler": "none"}, trial={"epochs": 1}
    )
    for number in range(13):
        search.next_assignment()
        search.report(number, 1, {"natural_accuracy": 0.1 + 0.01 * number, "pgd_accuracy": 0.5 - 0.01 * number}, None)
    screen = Screen(terminal=True)
    screen.console.print(LiveProgress(search, screen.console, "small-1")._render())
    lines = [line.split() for line in screen.lines]
    table = lines[lines.index(["Pareto", "front", "of", "small-1"]) :]
    shown = [int(line[0]) for line in table if line and line[0].isdigit()]
    assert (len(shown), shown[0], shown[-1]) == (12, 12, 0), "best natural accuracy first, both ends kept"
    assert numbers(screen.line("Hypervolume"))[1:] == [1], "one is not shown"
