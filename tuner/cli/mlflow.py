"""`tuner sync` and `tuner ui`: the view of a search in MLflow."""

import os
import socket
import sys
from pathlib import Path
from typing import Annotated

import typer

from tuner.cli.options import LedgerUrl, RunsDir, SearchName, TrackingUri
from tuner.errors import UsageError


def sync(
    name: SearchName,
    runs_dir: RunsDir = Path("runs"),
    tracking_uri: TrackingUri = None,
    ledger: LedgerUrl = None,
) -> None:
    """Bring MLflow up to date with the ledger, or rebuild it if runs were deleted there."""
    from tuner.driver.sync import resync
    from tuner.redact import without_password

    written, uri = resync(runs_dir, name, tracking_uri, ledger)
    typer.echo(f"{name}: {written} trials are in MLflow at {without_password(uri)}")


def _require_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise UsageError(f"Port {port} is taken by another program ({error}): choose one with --port.") from error


def ui(
    runs_dir: RunsDir = Path("runs"),
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="Port on this machine.")] = 5000,
) -> None:
    """Open MLflow on the searches of a folder, until Ctrl-C."""
    from tuner.runs.mirror import place_of
    from tuner.runs.tracking_place import default_tracking_uri
    from tuner.tracking import store

    uri = default_tracking_uri(runs_dir)
    if not (runs_dir / "mlflow.db").is_file():
        raise UsageError(
            f"There is no MLflow store in {place_of(runs_dir)}: start a search first, or give its --runs-dir."
        )
    _require_free(port)
    typer.echo(
        f"MLflow: http://127.0.0.1:{port}/#/experiments?workflowType=machine_learning  (answers in some seconds; "
        "Ctrl-C ends it)"
    )
    for experiment, identifier in store.experiments(uri):
        link = store.experiment_link(f"http://127.0.0.1:{port}", identifier)
        typer.echo(f"  {experiment}: {link}")
    command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", uri, "--host", "127.0.0.1"]
    # One process serves one person, and starts four times as fast as MLflow's usual four.
    command += [
        "--workers",
        "1",
        "--port",
        str(port),
        "--default-artifact-root",
        store.artifact_folder(uri, runs_dir) or "",
    ]
    sys.stdout.flush()
    # In place of this process, so that Ctrl-C and SIGTERM end the server and not only its parent.
    os.execv(sys.executable, command)  # noqa: S606 - our own command, no shell
