"""`tuner status`: whether a search runs, how far it is, and what it was asked for."""

import json
import time
from pathlib import Path

import typer

from tuner.cli.instructing import resume_command
from tuner.cli.options import Format, LedgerUrl, OutputFormat, RunsDir, SearchName


def status(
    name: SearchName,
    runs_dir: RunsDir = Path("runs"),
    ledger: LedgerUrl = None,
    output: OutputFormat = Format.TABLE,
) -> None:
    """Show whether a search runs, and how far it is.

    The output also has the process that drives it, its trials by state, the time left and the last instructions. The
    state is running, interrupted (it can be resumed), finished, or not started.
    """
    from tuner.report.console.listing import print_rows
    from tuner.report.status import status_lines, status_of, status_row
    from tuner.runs.find import find_search

    folder = find_search(runs_dir, name)
    found = status_of(folder, ledger, time.time())
    if output is Format.TABLE:
        for line in status_lines(found, resume_command(folder, runs_dir)):
            typer.echo(line)
    elif output is Format.JSON:
        typer.echo(json.dumps(status_row(found), indent=2))
    else:
        row = status_row(found)
        row["instructions"] = len(found.instructions)
        print_rows([row], "csv")
