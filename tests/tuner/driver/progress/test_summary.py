"""What is printed at the end of a search: the results, how long it took, and the next commands."""

from pathlib import Path

import pytest
from screen import SPACE, Screen, numbers, plan
from simulated_search import MakeLedger, drive, frozen_facts

from tuner.confirm.presentation import SearchPresentation
from tuner.driver.plan import Request
from tuner.driver.progress.summary import conclude, duration, resume_command
from tuner.engine.session_interface import Ending
from tuner.ledger import Outcome, TrialRecord
from tuner.report.time_left import in_words
from tuner.runs.folder import SearchFolder
from tuner.search import Search


@pytest.fixture
def search(make_ledger: MakeLedger) -> Search:
    return Search(SPACE, make_ledger(SPACE))


def closing(search: Search, runs_dir: Path, link: str | None = None) -> Screen:
    """Return what is printed at the end of a search."""
    screen = Screen()
    ending, presentation = Ending.INTERRUPTED, SearchPresentation()
    conclude(screen.console, plan(runs_dir), search, ending, presentation, view_link=link, how_to_resume="")
    return screen


def test_the_closing_words_name_the_commands_that_come_next(search: Search, runs_dir: Path) -> None:
    drive(search)
    screen = closing(search, runs_dir)
    for command in ("tuner front small-1", "tuner show small-1", "tuner ui"):
        assert f"  {command} --runs-dir {runs_dir} " in screen.text
    assert "http://host:5000/#/7" in closing(search, runs_dir, "http://host:5000/#/7").text


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
    assert in_words(130.4) in duration(made_up), "from the first start to the last end"
    assert numbers(duration(made_up))[-1] == 0, "epochs"
    assert duration([TrialRecord(0, {}, Outcome.RUNNING, 10.0)]) == ""


def test_the_closing_words_without_a_front_say_so(search: Search, runs_dir: Path) -> None:
    assert "Natural" not in closing(search, runs_dir).text, "no table"
    drive(search)
    assert "Natural" in closing(search, runs_dir).text


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
