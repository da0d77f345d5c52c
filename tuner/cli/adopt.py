"""`tuner adopt`: keep the new name of a renamed folder."""

from pathlib import Path

import typer

from tuner.cli.options import LedgerUrl, RunsDir, SearchName


def adopt(name: SearchName, runs_dir: RunsDir = Path("runs"), ledger: LedgerUrl = None) -> None:
    """Keep the new name of a search whose folder was renamed."""
    from tuner.runs.find import find_search
    from tuner.runs.mirror import runs_flag
    from tuner.runs.renamed import adopt_name

    old = adopt_name(find_search(runs_dir, name), ledger)
    if old == name:
        typer.echo(f"{name} was not renamed: there is nothing to adopt.")
        return
    typer.echo(f"{old} is now {name}. `tuner sync {name}{runs_flag(runs_dir)}` renames it in MLflow as well.")
