"""The door to a tracking server passes calls on, counts them, and refuses them while it is closed."""

import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from benchmarks.tracking.server import Door


class Echo(BaseHTTPRequestHandler):
    """Answers with what it was sent."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.send_response(201)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@pytest.fixture
def port() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Echo) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


def call(door: Door) -> tuple[int, bytes]:
    with urllib.request.urlopen(f"{door.uri}/path", data=b"words", timeout=20) as answer:
        return answer.status, answer.read()


def test_an_open_door_passes_calls_on_and_a_closed_one_refuses_them(port: int) -> None:
    door = Door(port)
    assert call(door) == (201, b"words")
    door.close()
    with pytest.raises(urllib.error.URLError) as caught:
        call(door)
    assert isinstance(caught.value.reason, ConnectionRefusedError)
    door.open()
    assert call(door) == (201, b"words")
    assert door.calls == 2
    door.close()
