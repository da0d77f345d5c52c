"""`tuner ui`: open MLflow on the searches of a folder."""

import os
import socket
import sys
from pathlib import Path
from typing import Annotated

import typer

from tuner.cli.options import RunsDir
from tuner.errors import UsageError


def ui(
    runs_dir: RunsDir = Path("runs"),
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="Port of the page on this machine.")] = 5000,
) -> None:
    """Open MLflow on the searches of a folder, until you press Ctrl-C."""
    from tuner.runs.folder import default_tracking_uri
    from tuner.runs.mirror import place_of
    from tuner.tracking import store

    uri = default_tracking_uri(runs_dir)
    if not (runs_dir / "mlflow.db").is_file():
        raise UsageError(
            f"There is no MLflow store in {place_of(runs_dir)}: start a search first, or give its --runs-dir.", runs_dir
        )
    _require_free(port)
    typer.echo(
        f"MLflow: http://127.0.0.1:{port}/#/experiments?workflowType=machine_learning  (answers in a few seconds; "
        "Ctrl-C ends it)"
    )
    for experiment, identifier in store.experiments(uri):
        link = store.experiment_link(f"http://127.0.0.1:{port}", identifier)
        typer.echo(f"  {experiment}: {link}")
    command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", uri, "--host", "127.0.0.1"]
    # One worker is enough for one person, and starts four times as fast as MLflow's usual four.
    command += ["--workers", "1", "--port", str(port)]
    command += ["--default-artifact-root", store.artifact_folder(uri, runs_dir) or ""]
    sys.stdout.flush()
    # The server replaces this process, so that Ctrl-C and SIGTERM end the server itself.
    os.execv(sys.executable, command)  # noqa: S606 - our own command, no shell


def _require_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise UsageError(f"Port {port} is not free ({error}): choose one with --port.", "--port") from error
