"""What a person sees of a search: before it, while it runs, at its end, and when nobody reads it any more."""

import subprocess
import sys
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console
from rich.text import Text
from simulated_search import CountingClock, MakeLedger, drive, frozen_facts, new_search, small_space, train

from tuner.confirm.presentation import SearchPresentation
from tuner.driver.plan import Plan, Request
from tuner.driver.progress import LiveProgress, PlainProgress
from tuner.driver.progress.dry_run import print_plan
from tuner.driver.progress.summary import conclude, duration, print_opening, resume_command
from tuner.driver.progress.time_left import Clock, in_words
from tuner.engine.session_interface import Ending
from tuner.ledger import Decision, Outcome, Report, TrialRecord, default_ledger_url
from tuner.runs.folder import SearchFolder
from tuner.search import Search

SPACE = small_space(search={"trials": 4, "start_points": [{"alpha": 0.5, "lambda": 4, "bottleneck": 16}]})


class Screen:
    """A console whose text can be read, a terminal or not."""

    def __init__(self, *, terminal: bool = False, width: int = 200) -> None:
        self._file = StringIO()
        self.console = Console(file=self._file, width=width, force_terminal=terminal, legacy_windows=False)

    @property
    def text(self) -> str:
        """All that was printed."""
        return self._file.getvalue()

    @property
    def lines(self) -> list[str]:
        """What was printed, line by line."""
        return self.text.splitlines()


@pytest.fixture
def search(make_ledger: MakeLedger) -> Search:
    return Search(SPACE, make_ledger(SPACE))


def good(value: float) -> dict[str, float]:
    return {"natural_accuracy": value, "pgd_accuracy": value / 2}


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (41.6, "42 s"),
        (59.4, "59 s"),
        (59.6, "1 min 00 s"),
        (185, "3 min 05 s"),
        (3599.7, "1 h 00 min"),
        (7620, "2 h 07 min"),
        (360_000, "100 h 00 min"),
    ],
)
def test_durations_as_people_read_them(seconds: float, words: str) -> None:
    assert in_words(seconds) == words


def trials(ended: int, running: int = 0) -> list[TrialRecord]:
    records = [TrialRecord(number, {}, Outcome.STOPPED, started=0.0) for number in range(ended)]
    return records + [TrialRecord(ended + k, {}, Outcome.RUNNING, started=0.0) for k in range(running)]


def test_time_left_is_estimated_from_the_trials_of_this_process() -> None:
    now = 0.0
    clock = Clock(trials(6), now=lambda: now)
    assert clock.state(trials(6, 2), 20, 9).left_seconds is None, "none ended here yet"
    now = 30.0
    state = clock.state(trials(9, 1), 20, 9)
    assert (state.ended, state.trials, state.most_epochs) == (9, 20, 180)
    assert (state.elapsed_seconds, state.left_seconds) == (30.0, 10.0 * 11)
    assert clock.state(trials(20), 20, 9).left_seconds == 0
    assert clock.state(trials(21), 20, 9).left_seconds == 0, "fewer trials were asked for than have ended"


def reported(number: int, epochs: int, outcome: Outcome) -> TrialRecord:
    reports = tuple(
        Report(epoch, {}, rung=False, decision=Decision.CONTINUE, checkpoint=None, time=0.0)
        for epoch in range(1, epochs + 1)
    )
    return TrialRecord(number, {}, outcome, started=0.0, reports=reports)


def test_the_nearest_of_all_bounds_counts() -> None:
    now = 0.0
    clock = Clock(max_epochs=30, now=lambda: now)
    budget = Clock(budget_seconds=60, now=lambda: now)
    now = 40.0
    done = [reported(number, 5, Outcome.STOPPED) for number in range(4)]
    state = clock.state(done, 16, 9)
    assert (state.epochs, state.most_epochs, state.left_seconds) == (20, 30, 20.0), "not 120 s for 12 trials"
    assert budget.state(done, 16, 9).left_seconds == 20
    assert budget.state([], 16, 9).left_seconds == 20, "nothing ended here yet"
    running = [*done, reported(4, 4, Outcome.RUNNING), reported(5, 3, Outcome.RUNNING)]
    assert clock.state(running, 16, 9).most_epochs == 38, "trials that run at max_epochs go on to their end"
    assert clock.state(done, 3, 9).most_epochs == 27
    now = 70.0
    assert budget.state(done, 16, 9).left_seconds == 0


def test_both_displays_know_the_bounds(make_ledger: MakeLedger) -> None:
    search = new_search(make_ledger, search={"trials": 4, "max_epochs": 20})
    screen = Screen(terminal=True)
    live = LiveProgress(search, screen.console, "small-1", time_budget_seconds=0.0)
    search.listeners.append(PlainProgress(search, screen.console, time_budget_seconds=1e-9))
    first = search.next_assignment()
    assert first is not None
    train(search, first)
    screen.console.print(live._render())
    assert "epochs trained of at most 20" in screen.text
    assert "about 0 s left" in screen.text
    assert "[1/4 trials]" in screen.text, "no time is left"


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
    assert start == "trial 0: alpha=0.5  lambda=4  bottleneck=16"
    assert rung == "trial 0 passed the rung at epoch 1: Natural 50.00 %, PGD 25.00 %"
    assert second.startswith("trial 1: alpha=0.")
    assert stopped.startswith("trial 1 stopped after epoch 1: Natural 25.00 %, PGD 12.50 %  [1/4 trials, about ")
    assert completed.startswith("trial 0 completed after epoch 9: Natural 75.00 %, PGD 37.50 %  [2/4 trials")


def test_every_epoch_is_told_when_asked_for(search: Search) -> None:
    screen = Screen()
    search.listeners.append(PlainProgress(search, screen.console, every_epoch=True))
    search.next_assignment()
    for epoch in (1, 2, 3):
        search.report(0, epoch, good(0.5), None)
    assert [line.split(":")[0] for line in screen.lines[1:]] == [
        "trial 0 passed the rung at epoch 1",
        "trial 0 finished epoch 2",
        "trial 0 passed the rung at epoch 3",
    ]
    search.report(0, 4, {"loss/total": 1.0}, None)
    assert screen.lines[-1] == "trial 0 finished epoch 4: not evaluated"


def test_a_trial_that_continues_says_after_which_epoch(search: Search) -> None:
    search.next_assignment()
    search.report(0, 1, good(0.5), "there")
    screen = Screen()
    resumed = Search(SPACE, search._ledger)
    resumed.listeners.append(PlainProgress(resumed, screen.console))
    resumed.next_assignment()
    assert screen.lines == ["trial 0 continues after epoch 1: alpha=0.5  lambda=4  bottleneck=16"]


@pytest.mark.parametrize(
    ("error", "shown"), [("Traceback\n\nRuntimeError: [red]out\n\n", "RuntimeError: [red]out"), ("", ""), ("\n", "")]
)
def test_a_failure_is_told_by_its_last_line(search: Search, error: str, shown: str) -> None:
    screen = Screen()
    progress = PlainProgress(search, screen.console)
    search.listeners.append(progress)
    search.next_assignment()
    progress.on_retry(0, error)
    search.fail(0, error)
    _, retried, failed = screen.lines
    assert retried.startswith(f"trial 0 crashed and starts again from its last checkpoint: {shown}")
    assert failed.startswith(f"trial 0 failed: {shown}")
    assert "[1/4 trials" in failed


def test_lines_are_never_wrapped(search: Search) -> None:
    screen = Screen(width=20)
    search.listeners.append(PlainProgress(search, screen.console))
    drive(search)
    assert all(line.startswith("trial ") for line in screen.lines)


def test_the_live_table_shows_running_trials_and_the_front(search: Search) -> None:
    screen = Screen(terminal=True)
    live = LiveProgress(search, screen.console, "small-1")
    search.listeners.append(live)
    first = search.next_assignment()
    assert first is not None
    train(search, first)
    search.next_assignment()
    search.report(1, 1, good(0.99), None)
    screen.console.print(live._render())
    shown = screen.text
    for part in ("small-1", "1/4 trials", "Running", "1/9", "99.00", "Pareto front of small-1", "10 epochs trained of"):
        assert part in shown
    assert "at most 36" in shown


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
    assert "trial 0 failed: RuntimeError: out of memory" in screen.text
    assert "4/4 trials" in screen.text
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
    lines = [Text.from_ansi(line).plain for line in screen.lines]
    assert max(map(len, lines)) <= 80
    running = next(line for line in lines if line.startswith("Running"))
    assert running.split()[:6] == ["Running", "Epoch", "Natural", "%", "PGD", "%"]
    assert sum("alpha" in line for line in lines) == 2
    assert not any(line.strip() in {"floor", "momentum"} for line in lines)


def test_a_live_table_of_nothing_renders(search: Search) -> None:
    screen = Screen(terminal=True)
    screen.console.print(LiveProgress(search, screen.console, "small-1")._render())
    assert "time left: not known yet" in screen.text
    assert "No front yet" in screen.text


def test_a_long_front_is_thinned_out_on_a_terminal(make_ledger: MakeLedger) -> None:
    search = new_search(
        make_ledger, CountingClock(), search={"trials": 14}, early_stopping={"scheduler": "none"}, trial={"epochs": 1}
    )
    for number in range(13):
        search.next_assignment()
        search.report(number, 1, {"natural_accuracy": 0.1 + 0.01 * number, "pgd_accuracy": 0.5 - 0.01 * number}, None)
    screen = Screen(terminal=True)
    screen.console.print(LiveProgress(search, screen.console, "small-1")._render())
    lines = [Text.from_ansi(line).plain.split() for line in screen.lines]
    table = lines[lines.index(["Pareto", "front", "of", "small-1"]) :]
    shown = [int(line[0]) for line in table if line and line[0].isdigit()]
    assert (len(shown), shown[0], shown[-1]) == (12, 12, 0), "best natural accuracy first, both ends kept"
    assert "; 1 more on the front" in screen.text


def plan(runs_dir: Path, **changes: object) -> Plan:
    made = Plan(
        folder=SearchFolder(runs_dir / "small-1"),
        space=SPACE,
        tracking_uri="sqlite:////runs/mlflow.db",
        ledger_url="sqlite:////runs/small-1/ledger.db",
        is_resume=False,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def test_a_dry_run_shows_parameters_rungs_cost_and_paths(runs_dir: Path) -> None:
    screen = Screen(width=20)
    print_plan(screen.console, plan(runs_dir))
    assert screen.lines[:8] == [
        "Would start small-1: ",
        "Parameters (motpe, seed 3):",
        "  alpha       0 to 1",
        "  lambda      0.01 to 10, logarithmic",
        "  bottleneck  one of 8, 16, 32",
        "  first: alpha=0.5, lambda=4, bottleneck=16",
        (
            "Rungs:      epoch 1: about 4 trials; epoch 3: about 1 trials; epoch 9 (end): about 1 "
            "(1 of 3 continues at each)"
        ),
        "Cost:       at most 36 epochs (4 trials of 9)",
    ]
    assert screen.lines[8].startswith("Resources:  1 CPU and 0 GPU a trial; this machine has ")
    assert screen.lines[9:] == [
        f"Files:      {runs_dir}/small-1",
        "Ledger:     sqlite:////runs/small-1/ledger.db",
        "MLflow:     sqlite:////runs/mlflow.db",
        "Data:       digits in /data",
    ]


@pytest.mark.parametrize(
    ("early_stopping", "shown"),
    [
        ({"scheduler": "none"}, "no early stopping (switched off)"),
        ({"grace_epochs": 9}, "no early stopping (no rung: grace_epochs 9 is not below the budget of 9 epochs)"),
    ],
)
def test_a_dry_run_says_why_there_is_no_early_stopping(
    runs_dir: Path, early_stopping: dict[str, object], shown: str
) -> None:
    screen = Screen()
    print_plan(screen.console, plan(runs_dir, space=small_space(early_stopping=early_stopping)))
    assert f"Rungs:      {shown}" in screen.lines


def test_a_dry_run_says_what_to_do_without_enough_gpus(runs_dir: Path) -> None:
    screen = Screen()
    print_plan(screen.console, plan(runs_dir, space=small_space(resources={"gpus_per_trial": 64})))
    assert "too few: give --address of a cluster, or --gpus-per-trial 0" in screen.text


def test_a_dry_run_of_a_resumption_says_what_is_kept(search: Search, runs_dir: Path) -> None:
    for epoch in (1, 2):
        if epoch == 1:
            search.next_assignment()
        search.report(0, epoch, good(0.9), None)
    search.next_assignment()
    search.report(1, 1, good(0.1), None)
    screen = Screen()
    print_plan(screen.console, plan(runs_dir, is_resume=True, ledger_url=default_ledger_url(runs_dir / "small-1")))
    assert screen.lines[0].startswith("Would resume small-1")
    assert (
        "Cost:       at most 36 epochs (4 trials of 9), 3 of them trained; 1 trials have ended, 1 continue"
        in screen.lines
    )


def test_no_password_is_shown(runs_dir: Path) -> None:
    secret = {"ledger_url": "postgresql://me:SECRET@host/db", "tracking_uri": "http://me:SECRET@host:5000"}
    screen = Screen()
    print_plan(screen.console, plan(runs_dir, **secret))
    print_opening(screen.console, plan(runs_dir, **secret))
    assert "postgresql://me:***@host/db" in screen.text
    assert "SECRET" not in screen.text


def closing(search: Search, runs_dir: Path, **changes: object) -> Screen:
    """Return what is printed at the end of a search."""
    screen = Screen()
    ran = plan(runs_dir, **changes)
    ending, presentation = Ending.INTERRUPTED, SearchPresentation()
    conclude(screen.console, ran, search, ending, presentation, experiment_id="7", how_to_resume="")
    return screen


def test_the_closing_words_name_the_commands_that_come_next(search: Search, runs_dir: Path) -> None:
    drive(search)
    screen = closing(search, runs_dir)
    assert "Pareto front of small-1" in screen.text
    for command in ("tuner front small-1", "tuner show small-1", "tuner ui"):
        assert f"  {command} --runs-dir {runs_dir} " in screen.text
    link = "http://host:5000/#/experiments/7?workflowType=machine_learning"
    assert link in closing(search, runs_dir, tracking_uri="http://host:5000").text


def test_the_front_is_no_next_step_before_a_trial_is_completed(search: Search, runs_dir: Path) -> None:
    search.next_assignment()
    screen = closing(search, runs_dir)
    assert "tuner front" not in screen.text
    assert "tuner show small-1" in screen.text


def test_the_closing_words_tell_how_long_it_took(search: Search, runs_dir: Path) -> None:
    drive(search)
    screen = closing(search, runs_dir)
    assert duration(search.trials) in screen.lines
    made_up = [TrialRecord(0, {}, Outcome.STOPPED, 10.0, 75.0), TrialRecord(1, {}, Outcome.COMPLETED, 20.0, 140.4)]
    assert duration(made_up) == (
        "Duration: 2 min 10 s from the first trial's start to the last one's end; 0 epochs trained."
    )
    assert duration([TrialRecord(0, {}, Outcome.RUNNING, 10.0)]) == ""


def test_the_closing_words_without_a_front_say_so(search: Search, runs_dir: Path) -> None:
    screen = closing(search, runs_dir)
    assert "so there is no front" in " ".join(screen.text.split())


@pytest.mark.parametrize(
    ("folder", "command"),
    [
        ("runs/small-1", "tuner run --resume small-1"),
        ("/scratch/runs/small-1", "tuner run --resume small-1 --runs-dir /scratch/runs"),
        ("/my runs/small-1", "tuner run --resume small-1 --runs-dir '/my runs'"),
    ],
)
def test_the_resume_command_can_be_pasted(folder: str, command: str) -> None:
    assert resume_command(SearchFolder(Path(folder)), Request()) == command


@pytest.mark.parametrize(
    ("flags", "frozen", "expected"),
    [
        ({"ledger": "postgresql://host/db"}, {"ledger": "postgresql://host/db"}, ""),
        ({"tracking_uri": "http://host:5000"}, {"tracking_uri": "http://host:5000"}, ""),
        ({"ledger": "postgresql://new/db"}, {"ledger": "postgresql://old/db"}, " --ledger postgresql://new/db"),
        ({"tracking_uri": "http://new:5000"}, {}, " --tracking-uri http://new:5000"),
        (
            {"ledger": "postgresql://me:pass@host/db", "tracking_uri": "http://me:pass@host"},
            {"ledger": "postgresql://me:***@host/db"},
            "\n  with the URL and its password in TUNER_LEDGER and MLFLOW_TRACKING_URI",
        ),
    ],
)
def test_the_resume_command_has_the_urls_that_are_not_remembered(
    runs_dir: Path, monkeypatch: pytest.MonkeyPatch, flags: dict[str, str], frozen: dict[str, str], expected: str
) -> None:
    for variable in ("TUNER_LEDGER", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(variable, raising=False)
    folder = SearchFolder(runs_dir / "mine")
    folder.path.mkdir(parents=True)
    folder.freeze(SPACE, frozen_facts(**frozen))
    command = f"tuner run --resume mine --runs-dir {runs_dir}"
    assert resume_command(folder, Request(**flags)) == command + expected  # type: ignore[arg-type]
    monkeypatch.setenv("TUNER_LEDGER", flags.get("ledger", ""))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", flags.get("tracking_uri", ""))
    assert resume_command(folder, Request(**flags)) == command, "the environment has them"  # type: ignore[arg-type]


UNREAD = """
import sys
from tuner.driver.progress.plain import PipeSafeConsole
from tuner.driver.progress.summary import print_line
console = PipeSafeConsole()
print_line(console, "first")
sys.stdin.readline()
for number in range(3):
    print_line(console, f"epoch {number}")
sys.stderr.write("the search has ended")
"""


def test_a_reader_that_goes_away_does_not_end_the_search() -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", UNREAD],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    with process, process.stderr:
        assert process.stdout.readline() == "first\n"
        process.stdout.close()
        process.stdin.write("go on\n")
        process.stdin.flush()
        errors = process.stderr.read()
    assert (process.returncode, errors) == (0, "the search has ended")
