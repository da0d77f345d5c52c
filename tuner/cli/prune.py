"""`tuner prune`: free disk space of a search."""

from pathlib import Path
from typing import Annotated

import typer

from tuner.cli.options import LedgerUrl, RunsDir, SearchName, Yes


def prune(
    name: SearchName,
    yes: Yes = False,
    everything: Annotated[
        bool, typer.Option("--all", help="Remove the checkpoints of the front as well: no model is left to export.")
    ] = False,
    runs_dir: RunsDir = Path("runs"),
    ledger: LedgerUrl = None,
) -> None:
    """Remove files that a search does not need.

    These are checkpoints and Ray's own files. The command asks first. The checkpoints of the front stay, and
    so do those of trials that a resume continues. The record, the front and its figures stay in any case.
    """
    from tuner.driver.prune import find_prunable
    from tuner.driver.prune import prune as remove
    from tuner.report.text import count_of, format_bytes
    from tuner.runs.find import find_search

    folder = find_search(runs_dir, name)
    found = find_prunable(folder, ledger, everything=everything)
    kept = f"the checkpoints of {count_of(len(found.kept), 'trial')} stay" if found.kept else "no checkpoint stays"
    if not found.paths:
        typer.echo(f"{name}: there is nothing to remove; {kept}.")
        return
    if not yes:
        typer.confirm(f"Free {format_bytes(found.size)} of {name}? {kept.capitalize()}.", abort=True)
    found = remove(folder, ledger, everything=everything)
    typer.echo(f"Freed {format_bytes(found.size)} of {name}; {kept}.")
