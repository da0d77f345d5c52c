"""What a driver prints before and after a search: where the files lie, the results, and the commands that come next."""

import os
import shlex
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text

from tuner.confirm.presentation import Presentation
from tuner.database_url import absolute
from tuner.driver.plan import Plan, Request
from tuner.driver.progress.gpu_hours import precision_line
from tuner.engine.session_interface import Ending, all_failed
from tuner.ledger import TrialRecord, as_interrupted, default_ledger_url
from tuner.redact import without_password
from tuner.report.analysis.forecast_check import with_forecast
from tuner.report.analysis.front_data import FrontData
from tuner.report.load import search_data
from tuner.report.text import last_line
from tuner.report.time_left import in_words
from tuner.runs.folder import SearchFolder, default_tracking_uri
from tuner.runs.mirror import place_of, runs_flag
from tuner.search import Search

REASONS = {
    Ending.INTERRUPTED: "Interrupted.",
    Ending.OUT_OF_TIME: "The time budget is used up.",
    Ending.BROKEN_OFF: "The search is not finished.",
}
EXIT_CODES = {Ending.FINISHED: 0, Ending.INTERRUPTED: 130, Ending.OUT_OF_TIME: 0, Ending.BROKEN_OFF: 1}


def print_opening(console: Console, plan: Plan, contents: Sequence[str], *, trials: int | None = None) -> None:
    """Print what starts, where its files and its MLflow are, the `contents` of its data, and how it computes.

    `trials` is their number, if users have changed that of the plan.
    """
    verb, files = "Resuming" if plan.is_resume else "Starting", place_of(plan.folder.path)
    head = f"{verb} {plan.folder.name}: {trials or plan.space.search.trials} trials."
    print_line(console, f"{head} Files: {files}  MLflow: {without_password(plan.tracking_uri)}")
    for source in plan.plug_ins:
        print_line(console, f"Code: {source}")
    for line in contents:
        print_line(console, f"Data: {line}")
    for line in precision_line(plan.space):
        print_line(console, line)
    for earlier in plan.warm_start:
        print_line(console, f"Warm start: {earlier.line}.")


def conclude(
    console: Console,
    plan: Plan,
    search: Search,
    ending: Ending,
    presentation: Presentation,
    *,
    view_link: str | None,
    how_to_resume: str,
) -> int:
    """Print the results and what can be done next; return the exit code.

    `view_link` opens its trials on an MLflow server, if that was reached.
    """
    space = search.space
    trials = search.trials if ending is Ending.FINISHED else as_interrupted(search.trials)
    data = search_data(plan.folder.path.parent, plan.folder.name, space, trials)
    if ending is Ending.FINISHED and presentation.has_front:
        data = with_forecast(data, space)
    for warning in presentation.warnings(plan.folder.path):
        print_line(console, f"Warning: {warning}")
    _print_closing(console, presentation, data, plan, view_link)
    if ending is not Ending.FINISHED:
        print_line(console, f"{REASONS[ending]} {how_to_resume}")
        return EXIT_CODES[ending]
    if len(search.trials) < space.search.trials:
        print_line(console, f"Ended after {len(search.trials)} trials: {search.stop_reason}.")
    if all_failed(search.trials):
        reason = last_line(search.trials[-1].error)
        print_line(console, f"The search failed: all its trials failed. The last one: {reason}")
        return 1
    return EXIT_CODES[ending]


def _print_closing(
    console: Console, presentation: Presentation, data: FrontData, plan: Plan, view_link: str | None
) -> None:
    """Print the results of a search, how long it took, and the commands that come next."""
    table = presentation.result_table(data)
    console.print(table, soft_wrap=isinstance(table, Text))
    if took := duration(data.records):
        print_line(console, took)
    folder, runs = plan.folder, runs_flag(plan.folder.path.parent)
    steps = [
        *([presentation.next_command(folder.path)] if data.candidates else []),
        (f"tuner show {folder.name}{runs}", "every trial"),
        (view_link or f"tuner ui{runs}", "the trials in MLflow"),
    ]
    width = max(len(command) for command, _ in steps)
    print_line(console, "Next:")
    for command, purpose in steps:
        print_line(console, f"  {command:<{width}}  {purpose}")


def duration(records: Sequence[TrialRecord]) -> str:
    """Return how long a search took, from the start of its first trial to the end of its last one; "" if none ended."""
    ends = [record.ended for record in records if record.ended is not None]
    if not ends:
        return ""
    seconds = max(0.0, max(ends) - min(record.started for record in records))
    epochs = sum(record.epochs_trained for record in records)
    return f"Duration: {in_words(seconds)} from the first trial's start to the last one's end; {epochs} epochs trained."


def resume_command(folder: SearchFolder, request: Request) -> str:
    """Return the command that continues a search with the same options.

    A URL that the search has on record, or that an environment variable holds, needs no option. A URL with a password
    is not printed: the second line says which variable to set.
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
        for flag, variable, given, on_record in urls
        if given and given != os.environ.get(variable) and absolute(given) != on_record
    ]
    arguments = ["tuner", "run", "--resume", folder.name]
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
    """Print a line without colours and without wrapping, so that paths and commands can be copied."""
    console.print(text, highlight=False, markup=False, soft_wrap=True)
