"""The real command in its own process, as a user starts it, and functions that read the files it leaves."""

import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from mlflow import MlflowClient
from mlflow.entities import Run

from benchmarks.surroundings import own_environment
from tuner.ledger import SqlLedger, TrialRecord, default_ledger_url

TINY = Path(__file__).parent / "tiny.yaml"
HELD = Path(__file__).parent / "held_trials.py"


@dataclass(frozen=True)
class Finished:
    """A command that has ended."""

    code: int
    output: str


def start(runs_dir: Path | str, *arguments: str, folder: Path | None = None) -> subprocess.Popen[str]:
    """Start `python -m tuner.run` in the background; standard output and error come through one pipe.

    It runs in `folder`, by default the one that holds `runs_dir`.
    """
    return _started(["-m", "tuner.run", "--runs-dir", str(runs_dir), *arguments], folder or Path(runs_dir).parent)


def start_held(hold: Path, runs_dir: Path, *arguments: str) -> subprocess.Popen[str]:
    """Start `tuner run` in the background; its epochs wait as the file `hold` says (see held_trials.py)."""
    words = [str(HELD), str(hold), "--runs-dir", str(runs_dir), *arguments]
    return _started(words, runs_dir.parent, PYTHONPATH=str(Path(__file__).parents[2]))


def let_begin(hold: Path, epochs: int) -> None:
    """Let so many epochs begin in trials that are held, beside those that have begun or waited already."""
    record, new = hold.with_suffix(".begun"), hold.with_suffix(".new")
    begun = len(record.read_text(encoding="utf-8").splitlines()) if record.exists() else 0
    new.write_text(str(begun + epochs), encoding="utf-8")
    new.replace(hold)


def _started(words: Sequence[str], folder: Path, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-u", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=own_environment(**environment),
        cwd=folder,
        start_new_session=True,
    )


def run(runs_dir: Path | str, *arguments: str, folder: Path | None = None) -> Finished:
    """Run `python -m tuner.run` to its end."""
    process = start(runs_dir, *arguments, folder=folder)
    output, _ = process.communicate()
    return Finished(process.returncode, output)


def ended(words: Sequence[str], folder: Path, **environment: str) -> Finished:
    """Run Python with `words` to its end in a folder; standard output comes before standard error."""
    done = subprocess.run(
        [sys.executable, *words],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env=own_environment(**environment),
    )
    return Finished(done.returncode, done.stdout + done.stderr)


def tuner(runs_dir: Path | str, *arguments: str, folder: Path | None = None) -> str:
    """Run a command of `python -m tuner` that must succeed, and return what it prints."""
    words = ["-m", "tuner", *arguments, "--runs-dir", str(runs_dir)]
    done = ended(words, folder or Path(runs_dir).parent)
    assert done.code == 0, done.output
    return done.output


def trials_of(runs_dir: Path, name: str) -> list[TrialRecord]:
    """Read a search's ledger."""
    with closing(SqlLedger.open(default_ledger_url(runs_dir / name), name)) as ledger:
        return ledger.load()


def mlflow_runs(runs_dir: Path, experiment: str, name: str) -> tuple[list[Run], dict[int, list[Run]]]:
    """Return a search's parent runs, and its child runs by trial number."""
    client = MlflowClient(f"sqlite:///{runs_dir / 'mlflow.db'}")
    found = client.get_experiment_by_name(experiment)
    assert found is not None
    runs = client.search_runs([found.experiment_id], f"tags.`tuner.search` = '{name}'", max_results=1000)
    parents = [run for run in runs if "tuner.trial" not in run.data.tags]
    children: dict[int, list[Run]] = {}
    for child in runs:
        if "tuner.trial" in child.data.tags:
            children.setdefault(int(child.data.tags["tuner.trial"]), []).append(child)
    return parents, children


def wait_for_reports(runs_dir: Path, name: str, reports: int, process: subprocess.Popen[str]) -> None:
    """Wait until the ledger holds `reports` reports."""
    while process.poll() is None:
        written = (runs_dir / name / "space.yaml").exists()
        if written and sum(trial.epochs_trained for trial in trials_of(runs_dir, name)) >= reports:
            return
        time.sleep(0.05)
    raise AssertionError(f"the command ended with {process.returncode} before {reports} reports")


def kill_when(process: subprocess.Popen[str], happened: Callable[[], bool]) -> str:
    """Kill a command's own process as soon as `happened()` is true, and return what it printed."""
    while process.poll() is None:
        if happened():
            process.kill()
            output, _ = process.communicate()
            return output
        time.sleep(0.05)
    raise AssertionError(f"the command ended with {process.returncode} before that")
