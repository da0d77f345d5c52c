"""Where MLflow's records go, and whether anything answers there."""

import contextlib
import socketserver
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from mlflow import MlflowClient
from raises_about import raises_about

from benchmarks.postgres_server import free_port
from tuner.database_url import file_of_url
from tuner.errors import UsageError
from tuner.ledger import SqlLedger
from tuner.runs.folder import default_tracking_uri
from tuner.tracking import store


class Serve(socketserver.ThreadingTCPServer):
    """A server on a free port of this machine that gives the same answer to everyone."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.answer = b""
        self.requests: list[str] = []
        self.address = f"127.0.0.1:{self.server_address[1]}"


class _Answer(socketserver.StreamRequestHandler):
    """Reads a request whole: one closed before its body has come breaks the connection, not the asker's wish."""

    def handle(self) -> None:
        head = list(iter(lambda: self.rfile.readline().strip(), b""))
        lengths = [line.partition(b":")[2] for line in head if line.lower().startswith(b"content-length:")]
        body = self.rfile.read(int(lengths[0])) if lengths else b""
        assert isinstance(self.server, Serve)
        self.server.requests.append(b"\n".join([*head, body]).decode())
        self.wfile.write(self.server.answer)


@pytest.fixture
def serve() -> Iterator[Serve]:
    with Serve() as server:
        threading.Thread(target=server.serve_forever, daemon=True, args=(0.01,)).start()
        yield server
        server.shutdown()


def test_the_default_is_a_file_beside_the_searches(tmp_path: Path) -> None:
    assert default_tracking_uri(tmp_path / "runs") == f"sqlite:///{tmp_path}/runs/mlflow.db"


def test_a_server_decides_for_itself_where_artifacts_go(tmp_path: Path) -> None:
    assert store.artifact_folder("https://mlflow.example", tmp_path) is None
    assert store.artifact_folder("sqlite:////mlflow.db", tmp_path) == f"file://{tmp_path}/mlartifacts"


def test_links_open_mlflows_training_pages_on_a_server() -> None:
    expected = "http://host:5000/#/experiments/7/runs?workflowType=machine_learning&viewStateShareKey=digits-1"
    assert store.view_link("http://host:5000/", "7", "digits-1") == expected
    assert store.view_link("sqlite:////mlflow.db", "7", "digits-1") is None


@pytest.mark.parametrize("status", ["200 OK", "404 Not Found"])
def test_a_server_that_answers_is_reachable(serve: Serve, status: str) -> None:
    serve.answer = f"HTTP/1.0 {status}\r\n\r\n".encode()
    store.require_reachable(f"http://{serve.address}/")
    assert serve.requests[0].startswith("GET /health ")


@pytest.mark.parametrize("status", ["401 Unauthorized", "403 Forbidden"])
def test_a_server_that_lets_nobody_in_is_refused_with_the_way_in(serve: Serve, status: str) -> None:
    serve.answer = f"HTTP/1.0 {status}\r\n\r\n".encode()
    with raises_about(UsageError, "MLFLOW_TRACKING_USERNAME"):
        store.require_reachable(f"http://{serve.address}")


def test_a_password_in_the_uri_is_no_part_of_the_host(serve: Serve) -> None:
    serve.answer = b"HTTP/1.0 200 OK\r\n\r\n"
    store.require_reachable(f"http://me:SECRET@{serve.address}")


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"HTTP/1.0 503 Service Unavailable\r\n\r\n", "503"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", "SSH-2.0"),
        (b"", "closed connection"),
    ],
)
def test_a_server_that_is_no_mlflow_is_refused_with_the_reason(serve: Serve, answer: bytes, reason: str) -> None:
    serve.answer = answer
    with raises_about(UsageError, f"http://{serve.address}") as refused:
        store.require_reachable(f"http://{serve.address}")
    assert reason in str(refused.value)


def test_a_port_where_nobody_listens_is_refused_with_ways_out() -> None:
    address = f"127.0.0.1:{free_port()}"
    with raises_about(UsageError, f"http://me:***@{address}") as refused:
        store.require_reachable(f"http://me:SECRET@{address}")
    assert all(way in str(refused.value) for way in ("Connection refused", "`mlflow server`", "--tracking-uri"))
    assert "SECRET" not in str(refused.value)


@pytest.mark.parametrize("uri", ["http://", "http://host:port", "http://a b", "http://..:5000"])
def test_a_malformed_address_is_refused_like_an_unreachable_one(uri: str) -> None:
    with raises_about(UsageError, uri):
        store.require_reachable(uri)


@pytest.mark.parametrize("uri", ["127.0.0.1:5000", "mlruns", "databricks"])
def test_what_is_no_uri_is_refused_with_the_form(uri: str) -> None:
    with raises_about(UsageError, "--tracking-uri"):
        store.require_reachable(uri)


@pytest.mark.parametrize("uri", ["sqlite://", "sqlite:///:memory:", "sqlite:////proc/x/mlflow.db"])
def test_a_database_that_no_file_can_hold_is_refused(uri: str) -> None:
    with raises_about(UsageError, "--tracking-uri"):
        store.require_reachable(uri)


def test_the_ledger_is_not_taken_for_mlflows_database(finished: SqlLedger) -> None:
    file = file_of_url(finished.url)
    assert file is not None
    finished.close()
    before = file.read_bytes()
    with raises_about(UsageError, "--tracking-uri") as refused:
        store.require_reachable(finished.url)
    assert "studies" in str(refused.value)
    assert file.read_bytes() == before


def test_a_database_is_asked_and_a_file_need_not_exist_yet(tmp_path: Path) -> None:
    store.require_reachable(f"sqlite:///{tmp_path}/mlflow.db")
    assert list(tmp_path.iterdir()) == []
    with raises_about(UsageError, "postgresql://me:***@127.0.0.1:1/db"):
        store.require_reachable("postgresql://me:SECRET@127.0.0.1:1/db")
    with raises_about(UsageError, "ftp://host"):
        store.require_reachable("ftp://host")


def test_a_store_of_files_and_what_is_no_database_of_mlflow_are_refused_at_the_start(tmp_path: Path) -> None:
    text, foreign = tmp_path / "text.db", tmp_path / "foreign.db"
    text.write_text("no database")
    (tmp_path / "folder.db").mkdir()
    with contextlib.closing(sqlite3.connect(foreign)) as database:
        database.execute("CREATE TABLE alembic_version (version_num VARCHAR)")
        database.execute("INSERT INTO alembic_version VALUES ('of another release')")
        database.commit()
    for uri in (
        f"file://{tmp_path}/mlruns",
        f"sqlite:///{text}",
        f"sqlite:///{foreign}",
        f"sqlite:///{tmp_path}/folder.db",
    ):
        with raises_about(UsageError, "--tracking-uri"):
            store.require_reachable(uri)


@pytest.mark.parametrize("name", ["plain", "feature%2Flogin", "exp?1"])
def test_mlflow_writes_into_the_folder_of_the_searches_and_nowhere_else(tmp_path: Path, name: str) -> None:
    runs_dir = tmp_path / name
    runs_dir.mkdir()
    MlflowClient(default_tracking_uri(runs_dir)).create_experiment("x", artifact_location=str(runs_dir / "mlartifacts"))
    assert (runs_dir / "mlflow.db").is_file()
    assert [path.name for path in tmp_path.iterdir()] == [name]
