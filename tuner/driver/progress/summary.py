"""What is said before and after a search: where everything lies, the front, and the commands that come next."""

import os
import shlex
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console, RenderableType

from tuner.driver.plan import Request
from tuner.driver.progress.time_left import in_words
from tuner.ledger import TrialRecord, default_ledger_url
from tuner.redact import without_password
from tuner.report.analysis.front_data import FrontData
from tuner.report.analysis.seed_means import has_seeds, seed_means_table
from tuner.report.analysis.tables import front_table, summary
from tuner.runs.folder import SearchFolder
from tuner.runs.mirror import place_of, runs_flag
from tuner.runs.tracking_place import absolute, default_tracking_uri
from tuner.tracking import store


def print_opening(console: Console, folder: SearchFolder, tracking_uri: str, trials: int, resumed: bool) -> None:
    """Say what starts and where it is kept."""
    verb, files = "Resuming" if resumed else "Starting", place_of(folder.path)
    print_line(
        console,
        f"{verb} {folder.name}: {trials} trials. Files: {files}  MLflow: {without_password(tracking_uri)}",
    )


def print_closing(
    console: Console,
    data: FrontData,
    folder: SearchFolder,
    tracking_uri: str,
    experiment_id: str | None,
    *,
    table: RenderableType | None = None,
    confirms: str | None = None,
) -> None:
    """Give the front, or in its place the `table` of what a confirmation of `confirms` measured, and what is next."""
    if table is not None:
        console.print(table)
    elif has_seeds(data) and data.points:
        console.print(seed_means_table(data))
    elif data.front:
        console.print(front_table(data))
    else:
        print_line(console, summary(data))
    if took := duration(data.records):
        print_line(console, took)
    runs, files = runs_flag(folder.path.parent), place_of(folder.path)
    link = store.experiment_link(tracking_uri, experiment_id) if experiment_id else None
    front = (
        f"tuner front {folder.name}{runs}",
        f"the front; its files: {files}/front.html, .png, .svg, .csv, .json",
    )
    if confirms is not None:
        front = (
            f"tuner front {confirms}{runs}",
            f"the front with error bars; the table: {files}/confirmation.md",
        )
    steps = [
        front,
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
    """Give the command that continues a search under the same circumstances.

    A URL that the search remembers or the environment holds needs no flag. One with a password is not printed:
    the second line says which variable to set.
    """
    frozen = folder.frozen() if folder.space_file.exists() else {}
    ledger = frozen.get("ledger") or default_ledger_url(folder.path)
    tracking_uri = frozen.get("tracking_uri") or default_tracking_uri(folder.path.parent)
    urls = [
        ("--ledger", "TUNER_LEDGER", request.ledger, ledger),
        ("--tracking-uri", "MLFLOW_TRACKING_URI", request.tracking_uri, tracking_uri),
    ]
    needed = [
        (flag, variable, absolute(given))
        for flag, variable, given, remembered in urls
        if given and given != os.environ.get(variable) and absolute(given) != remembered
    ]
    arguments = ["python", "-m", "tuner.run", "--resume", folder.name]
    if folder.path.parent != Path("runs"):
        arguments += ["--runs-dir", place_of(folder.path.parent)]
    if request.address:
        arguments += ["--address", request.address]
    if request.concurrency:
        arguments += ["--concurrency", str(request.concurrency)]
    secret = [variable for _, variable, url in needed if url != without_password(url)]
    for flag, variable, url in needed:
        arguments += [] if variable in secret else [flag, url]
    hint = f"\n  with the URL and its password in {' and '.join(secret)}" if secret else ""
    return shlex.join(arguments) + hint


def print_line(console: Console, text: str) -> None:
    """Print a line as it is: no colours, no wrapping, so that paths and commands can be copied."""
    console.print(text, highlight=False, markup=False, soft_wrap=True)
