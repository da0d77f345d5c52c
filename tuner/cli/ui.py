"""`tuner ui`: open MLflow on the searches of a folder."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from tuner.cli.options import RunsDir
from tuner.engine.signals import handle_signals, interrupt
from tuner.errors import UsageError

_PATIENCE_SECONDS = 3.0
_MOST_LINKS = 20  # to the newest searches; the others are one click further, in the list of experiments


def ui(
    runs_dir: RunsDir = Path("runs"),
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="Port of the page on this machine.")] = 5000,
) -> None:
    """Open MLflow on the searches of a folder, until you press Ctrl-C."""
    from tuner.runs.folder import all_searches, default_tracking_uri
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
    experiments = store.searches(uri)
    shown = [search.name for search in all_searches(runs_dir) if search.name in experiments]
    for name in shown[:_MOST_LINKS]:
        typer.echo(f"  {name}: {store.search_link(f'http://127.0.0.1:{port}', experiments[name], name)}")
    sys.stdout.flush()
    serve(server_command(uri, store.artifact_folder(uri, runs_dir) or "", port))


def server_command(uri: str, artifacts: str, port: int) -> list[str]:
    """Return the command of MLflow's server on a store and its folder of artifacts."""
    command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", uri, "--host", "127.0.0.1"]
    # One worker is enough for one person, and starts four times as fast as MLflow's usual four.
    return [*command, "--workers", "1", "--port", str(port), "--default-artifact-root", artifacts]


def serve(command: list[str]) -> None:
    """Run a server until it ends or a signal comes. A server that ends by itself decides the exit code.

    The server has a session of its own: a Ctrl-C in the terminal would reach it as well, and it would print an error
    for each request that it breaks off.
    """
    # Nobody asks MLflow for jobs here, and without them it starts a process less.
    environment = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", **os.environ}
    try:
        with handle_signals(interrupt):
            server = subprocess.Popen(command, start_new_session=True, env=environment)  # noqa: S603 - our own command
            try:
                raise typer.Exit(server.wait())
            finally:
                _end(server)
    except KeyboardInterrupt:
        typer.echo("MLflow has ended; the searches are as they were.")


def _end(server: subprocess.Popen[bytes]) -> None:
    """End a server with all its processes; it does not wait for browsers that keep a connection open."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(_PATIENCE_SECONDS)


def _require_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise UsageError(f"Port {port} is not free ({error}): choose one with --port.", "--port") from error
