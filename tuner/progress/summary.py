"""What is said before and after a search: where everything lies, the front, and the commands that come next."""

import shlex
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from tuner.folder import SearchFolder
from tuner.ledger import TrialRecord
from tuner.plan import Request
from tuner.progress.state import in_words
from tuner.report.front_data import FrontData
from tuner.report.seed_means import has_seeds, seed_means_table
from tuner.report.tables import front_table, summary
from tuner.tracking import store
from tuner.urls import without_password


def print_opening(console: Console, folder: SearchFolder, tracking_uri: str, trials: int, resumed: bool) -> None:
    """Say what starts and where it is kept."""
    verb = "Resuming" if resumed else "Starting"
    print_line(
        console,
        f"{verb} {folder.name}: {trials} trials. Files: {folder.path}  MLflow: {without_password(tracking_uri)}",
    )


def print_closing(
    console: Console,
    data: FrontData,
    folder: SearchFolder,
    tracking_uri: str,
    experiment_id: str | None,
) -> None:
    """Give the front and the places to look at next."""
    if has_seeds(data) and data.points:
        console.print(seed_means_table(data))
    elif data.front:
        console.print(front_table(data))
    else:
        print_line(console, summary(data))
    if took := duration(data.records):
        print_line(console, took)
    runs = _runs_flag(folder.path.parent)
    link = store.experiment_link(tracking_uri, experiment_id) if experiment_id else None
    steps = [
        (f"tuner front {folder.name}{runs}", f"the front; its files: {folder.path}/front.html, .png, .csv, .json"),
        (f"tuner show {folder.name}{runs}", "every trial"),
        (link or f"tuner ui{runs}", "the trials in MLflow"),
    ]
    width = max(len(command) for command, _ in steps)
    print_line(console, "Next:")
    for command, purpose in steps:
        print_line(console, f"  {command:<{width}}  {purpose}")


def duration(records: Sequence[TrialRecord]) -> str:
    """Say how long a search took, by its ledger: from its first trial's start to its last one's end."""
    ends = [record.ended for record in records if record.ended is not None]
    if not ends:
        return ""
    seconds = max(0.0, max(ends) - min(record.started for record in records))
    epochs = sum(record.epochs_trained for record in records)
    return f"Duration: {in_words(seconds)} from the first trial's start to the last one's end; {epochs} epochs trained."


def resume_command(folder: SearchFolder, request: Request) -> str:
    """Give the command that continues a search under the same circumstances."""
    arguments = ["python", "-m", "tuner.run", "--resume", folder.name]
    if folder.path.parent != Path("runs"):
        arguments += ["--runs-dir", str(folder.path.parent)]
    if request.address:
        arguments += ["--address", request.address]
    if request.concurrency:
        arguments += ["--concurrency", str(request.concurrency)]
    if request.ledger:
        arguments += ["--ledger", without_password(request.ledger)]
    return shlex.join(arguments)


def _runs_flag(runs_dir: Path) -> str:
    return "" if runs_dir == Path("runs") else f" --runs-dir {shlex.quote(str(runs_dir))}"


def print_line(console: Console, text: str) -> None:
    """Print a line as it is: no colours, no wrapping, so that paths and commands can be copied."""
    console.print(text, highlight=False, markup=False, soft_wrap=True)
