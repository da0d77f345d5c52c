"""`tuner delete`: remove a search for good."""

from pathlib import Path
from typing import Annotated

import typer

from tuner.cli.options import LedgerUrl, RunsDir, SearchName, TrackingUri, Yes


def delete(  # noqa: PLR0917 - each is an option by its name
    name: SearchName,
    yes: Yes = False,
    mlflow: Annotated[
        bool, typer.Option("--mlflow/--no-mlflow", help="Remove its runs in MLflow as well, or leave them.")
    ] = True,
    runs_dir: RunsDir = Path("runs"),
    tracking_uri: TrackingUri = None,
    ledger: LedgerUrl = None,
) -> None:
    """Remove a search with its files and MLflow runs.

    The command asks first. Confirmations of the search and models in MLflow's registry stay. MLflow keeps deleted runs
    until `mlflow gc`.
    """
    from tuner.driver.delete import delete_search, plan_deletion
    from tuner.report.text import count_of, format_bytes
    from tuner.runs.find import find_search

    deletion = plan_deletion(find_search(runs_dir, name), ledger, tracking_uri)
    what = f"{name}: {count_of(deletion.trials, 'trial')}, {format_bytes(deletion.size)}"
    if not yes:
        typer.confirm(f"Delete {what}{', and its runs in MLflow' if mlflow else ''}?", abort=True)
    runs = delete_search(deletion, in_mlflow=mlflow)
    typer.echo(f"Deleted {what}, and {count_of(runs, 'run')} in MLflow.")
