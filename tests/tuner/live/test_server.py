"""The server of the page, asked over its socket."""

import http.client
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from raises_about import raises_about
from simulated_search import SEARCH, small_space

from tuner.errors import UsageError
from tuner.ledger import SqlLedger
from tuner.live.application import LiveSearch
from tuner.live.gate import cookie_name
from tuner.live.server import HOST, listen, server_of
from tuner.runs.lock import only_driver
from tuner.search import Search

TOKEN = "the-token-of-this-test"


class Answer(NamedTuple):
    code: int
    headers: dict[str, str]
    text: str

    @property
    def body(self) -> Any:
        return json.loads(self.text)


@dataclass
class Client:
    """Asks as the page in a browser does, unless `headers` say something else."""

    port: int
    page_headers: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        cookie = f"{cookie_name(TOKEN)}={TOKEN}"
        self.page_headers = {"Cookie": cookie, "Origin": f"http://{HOST}:{self.port}"}

    def ask(self, path: str, method: str = "GET", body: Any = None, **headers: str | None) -> Answer:
        sent = {name: value for name, value in (self.page_headers | headers).items() if value is not None}
        text = body if body is None or isinstance(body, str) else json.dumps(body)
        connection = http.client.HTTPConnection(HOST, self.port, timeout=60)
        try:
            connection.request(method, path, text, sent)
            response = connection.getresponse()
            return Answer(response.status, dict(response.getheaders()), response.read().decode())
        finally:
            connection.close()

    def order(self, **order: Any) -> Answer:
        return self.ask("/instructions", "POST", order)


@contextmanager
def serving(runs_dir: Path) -> Iterator[Client]:
    with socket.socket() as listening:
        listening.bind((HOST, 0))
        listening.listen()
        server = server_of(LiveSearch(runs_dir, SEARCH), TOKEN)
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        try:
            yield Client(listening.getsockname()[1])
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture
def client(ledger: SqlLedger, runs_dir: Path) -> Iterator[Client]:
    """The server of a search with one trial, which no driver runs."""
    Search(small_space(), ledger).next_assignment()
    with serving(runs_dir) as client:
        yield client


def test_the_link_sets_a_cookie_and_leaves_the_token_out_of_the_address(client: Client) -> None:
    first = client.ask(f"/?token={TOKEN}", Cookie=None)
    assert (first.code, TOKEN in first.headers["location"]) == (303, False)
    cookie = first.headers["set-cookie"]
    assert cookie.startswith(f"{cookie_name(TOKEN)}={TOKEN};")
    assert {"HttpOnly", "SameSite=lax"} <= set(cookie.split("; "))
    page = client.ask("/")
    assert page.code == 200
    assert "http://" not in page.text
    assert "https://" not in page.text, "nothing comes from the network"


def test_a_request_without_the_token_is_403(client: Client) -> None:
    for path in ("/", "/data", "/trials/0", "/plotly.js", "/live.js", "/live.css", "/nothing", "/?token="):
        assert client.ask(path, Cookie=None).code == 403, path
        assert client.ask(path, Cookie=f"{cookie_name(TOKEN)}=another").code == 403, path
    assert client.ask("/instructions", "POST", {"kind": "stop"}, Cookie=None).code == 403


def test_a_foreign_host_or_origin_is_403(client: Client, ledger: SqlLedger) -> None:
    assert client.ask("/data", Host="evil.example").code == 403
    order = {"kind": "add", "words": ["alpha=0.5"]}
    assert client.ask("/instructions", "POST", order, Origin="http://evil.example").code == 403
    assert client.ask("/instructions", "POST", order, Origin=None).code == 403
    assert ledger.instructions() == []


def test_a_get_changes_nothing(client: Client, ledger: SqlLedger) -> None:
    assert client.ask("/instructions?kind=stop").code == 405
    for path in ("/", "/data", "/trials/0", "/live.js", "/live.css"):
        answer = client.ask(path)
        assert answer.code == 200
        assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert ledger.instructions() == []


def test_orders_are_recorded_as_instructions(client: Client, ledger: SqlLedger, runs_dir: Path) -> None:
    answer = client.order(kind="add", words=["alpha=0.5", "bottleneck=16"])
    assert (answer.code, answer.body) == (202, {"number": 0, "driven": False})
    with only_driver(runs_dir / SEARCH):
        assert client.order(kind="stop", trial=0).body["driven"]
        assert client.order(kind="stop").code == 202
    found = [(one.kind, one.arguments) for one in ledger.instructions()]
    assert found == [
        ("add", {"parameters": {"alpha": 0.5, "bottleneck": 16}}),
        ("stop", {"trial": 0}),
        ("stop", {}),
    ]
    assert len(client.ask("/data").body["instructions"]) == 3


def test_a_wrong_order_is_answered_with_one_sentence(client: Client, ledger: SqlLedger) -> None:
    for body in ("", "{", "[" * 100_000, '{"kind": "add", "words": ["alpha=7"]}', '"stop"', "\xff"):
        answer = client.ask("/instructions", "POST", body)
        assert answer.code == 422, body[:40]
        assert len(answer.body["error"].splitlines()) == 1
        assert "Traceback" not in answer.text
    assert ledger.instructions() == []


def test_what_does_not_exist_is_404(client: Client, runs_dir: Path) -> None:
    assert client.ask("/trials/9").code == 404
    assert client.ask("/trials/x").code == 404
    (runs_dir / SEARCH / "space.yaml").unlink()
    assert SEARCH in client.ask("/data").body["error"]


def test_a_damaged_ledger_is_503_and_the_server_lives(client: Client, ledger: SqlLedger, runs_dir: Path) -> None:
    ledger.close()
    file = runs_dir / SEARCH / "ledger.db"
    whole = file.read_bytes()
    for beside in runs_dir.glob(f"{SEARCH}/ledger.db-*"):
        beside.unlink()
    file.write_bytes(b"no database" * 1000)
    assert client.ask("/data").code == 503
    file.write_bytes(whole)
    assert client.ask("/data").code == 200


def test_the_port_is_the_given_one_or_the_first_free_one() -> None:
    with listen(None) as first, listen(None) as second:
        assert first.getsockname()[0] == second.getsockname()[0] == "127.0.0.1"
        taken = first.getsockname()[1]
        assert taken != second.getsockname()[1]
        with raises_about(UsageError, "--port"):
            listen(taken)
