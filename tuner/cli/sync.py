"""`tuner sync`: write a search into MLflow."""

from pathlib import Path

import typer

from tuner.cli.options import LedgerUrl, RunsDir, SearchName, TrackingUri


def sync(
    name: SearchName,
    runs_dir: RunsDir = Path("runs"),
    tracking_uri: TrackingUri = None,
    ledger: LedgerUrl = None,
) -> None:
    """Write a search into MLflow again.

    Runs that somebody deleted there are written as well.
    """
    from tuner.driver.sync import sync_search
    from tuner.redact import without_password

    written, uri = sync_search(runs_dir, name, tracking_uri, ledger)
    typer.echo(f"{name}: {written} trials are in MLflow at {without_password(uri)}")
