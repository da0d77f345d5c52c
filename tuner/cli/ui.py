"""`tuner ui`: open MLflow on the searches of a folder, or a page of its own on one search."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from tuner.cli.options import LedgerUrl, RunsDir, complete_search
from tuner.engine.signals import delay_signals, handle_signals, interrupt
from tuner.errors import UsageError

_PATIENCE_SECONDS = 3.0
_MLFLOW_PORT = 5000
_MOST_LINKS = 20  # to the newest searches; the others are one click further, in the list of experiments


def ui(
    runs_dir: RunsDir = Path("runs"),
    port: Annotated[
        int | None,
        typer.Option(
            "--port",
            min=1,
            max=65535,
            help="Port of the page on this machine; default: 5000, with --live the first free one from 5001.",
        ),
    ] = None,
    live: Annotated[
        str | None,
        typer.Option(
            "--live",
            help="Watch and steer this search, without MLflow.",
            metavar="NAME",
            autocompletion=complete_search,
        ),
    ] = None,
    ledger: LedgerUrl = None,
) -> None:
    """Open MLflow, or with --live a page on one search.

    The server runs until you press Ctrl-C.

    Example:

      tuner ui --live digits_tradeoff-1
    """
    if live is not None:
        _serve_live(live, runs_dir, ledger, port)
    else:
        _serve_mlflow(runs_dir, port or _MLFLOW_PORT)


def _serve_live(name: str, runs_dir: Path, ledger: str | None, port: int | None) -> None:
    """Serve the page of a search; it lasts as long as this command, and the search goes on without it."""
    from tuner.live.application import LiveSearch
    from tuner.live.gate import TOKEN, new_token
    from tuner.live.server import HOST, listen, server_of

    search = LiveSearch(runs_dir, name, ledger)
    search.load()
    try:
        with handle_signals(interrupt), listen(port) as listening:
            token = new_token()
            address = f"http://{HOST}:{listening.getsockname()[1]}/?{TOKEN}={token}"
            typer.echo(f"{name}: {address}  (for you only, on this machine; Ctrl-C ends it)")
            sys.stdout.flush()
            server_of(search, token).run([listening])
    except KeyboardInterrupt:
        typer.echo("The page has ended; the search is as it was.")


def _serve_mlflow(runs_dir: Path, port: int) -> None:
    from tuner.runs.find import all_searches
    from tuner.runs.folder import default_tracking_uri
    from tuner.runs.mirror import place_of
    from tuner.tracking import store
    from tuner.tracking.saved_view import view_key

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
    experiments = store.views(uri)
    keys = {search.name: view_key(search.name, search.frozen()["search_id"]) for search in all_searches(runs_dir)}
    shown = [(name, key) for name, key in keys.items() if key in experiments]
    for name, key in shown[:_MOST_LINKS]:
        typer.echo(f"  {name}: {store.view_link(f'http://127.0.0.1:{port}', experiments[key], key)}")
    if shown:
        typer.echo("Press `Override saved view` there once: or else MLflow forgets the columns when you go back.")
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
    environment = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "PYTHONWARNINGS": "ignore", **os.environ}
    server = None
    try:
        with handle_signals(interrupt):
            try:
                with delay_signals():  # a signal while the server starts would leave it without anybody who ends it
                    server = subprocess.Popen(command, start_new_session=True, env=environment)  # noqa: S603 - ours
                raise typer.Exit(server.wait())
            finally:
                if server is not None:
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
            raise UsageError(
                f"Port {port} is not free ({error.strerror}): choose one with --port.", "--port"
            ) from error
