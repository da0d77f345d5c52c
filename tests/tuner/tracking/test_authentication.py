"""A real MLflow server that asks for user and password, which come from the environment and go nowhere else."""

import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from mlflow import MlflowClient
from raises_about import raises_about
from simulated_search import MakeLedger, drive, small_space

from benchmarks.postgres_server import free_port
from tuner.errors import UsageError
from tuner.report.analysis.front_data import front_data
from tuner.search import Search
from tuner.tracking import store
from tuner.tracking.projection import Projection

pytestmark = pytest.mark.slow

USER, PASSWORD = "admin", "not-a-secret-at-all"
_PATIENCE_SECONDS = 200
_CONFIGURATION = """[mlflow]
default_permission = NO_PERMISSIONS
database_uri = sqlite:///{folder}/users.db
admin_username = {user}
auth_cache_ttl_seconds = 60
authorization_function = mlflow.server.auth:authenticate_request_basic_auth
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server with authentication."""
    folder, port = tmp_path_factory.mktemp("mlflow"), free_port()
    (folder / "auth.ini").write_text(_CONFIGURATION.format(folder=folder, user=USER))
    environment = {
        **os.environ,
        "MLFLOW_AUTH_CONFIG_PATH": str(folder / "auth.ini"),
        "MLFLOW_AUTH_ADMIN_PASSWORD": PASSWORD,
        "MLFLOW_FLASK_SERVER_SECRET_KEY": "for the session cookies of this test",
    }
    command = [sys.executable, "-m", "mlflow", "server", "--app-name", "basic-auth", "--workers", "1"]
    command += ["--host", "127.0.0.1", "--port", str(port), "--artifacts-destination", f"{folder}/artifacts"]
    command += ["--backend-store-uri", f"sqlite:///{folder}/mlflow.db"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        try:
            _wait_for(f"http://127.0.0.1:{port}/health", process, folder / "log")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait()


def _wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            urllib.request.urlopen(url, timeout=10).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(log.read_text())


def test_credentials_come_from_the_environment_and_stay_there(
    server: str, make_ledger: MakeLedger, runs_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", USER)
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "another-one")
    with raises_about(UsageError, "MLFLOW_TRACKING_USERNAME") as refusal:
        store.require_reachable(server)
    assert "another-one" not in str(refusal.value)
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", PASSWORD)
    store.require_reachable(server)

    space = small_space(search={"trials": 2})
    search = Search(space, make_ledger(space))
    drive(search)
    projection = Projection(server, space, "small-1", "small-1-id", store.artifact_folder(server, runs_dir))
    data = front_data("small-1", search.trials, space.objective_list, space.reference, space.trial)
    projection.write(search.trials, data)
    projection.write_files([runs_dir / "small-1" / "space.yaml"])
    projection.close("FINISHED")

    client = MlflowClient(server)
    runs = client.search_runs([str(projection.experiment_id)])
    assert len(runs) == 3, "the search and its two trials"
    assert not any(PASSWORD in str(run.to_dictionary()) for run in runs)
    assert not any(PASSWORD.encode() in path.read_bytes() for path in runs_dir.rglob("*") if path.is_file())
