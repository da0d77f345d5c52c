"""A tracking server, and doors to it that can be slow or closed, as if the server were."""

import http.client
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from benchmarks.postgres_server import free_port

_START_SECONDS = 120
_PASSED_ON = ("content-type", "accept", "user-agent")


class Door:
    """Passes each call on to a server after `delay_seconds`; a closed door refuses connections."""

    def __init__(self, server_port: int, delay_seconds: float = 0.0) -> None:
        self.calls = 0
        self._server_port = server_port
        self._delay = delay_seconds
        self._open: ThreadingHTTPServer | None = None
        self.port = free_port()
        self.open()

    @property
    def uri(self) -> str:
        """The address for --tracking-uri."""
        return f"http://127.0.0.1:{self.port}"

    def open(self) -> None:
        """Accept calls."""
        self._open = ThreadingHTTPServer(("127.0.0.1", self.port), self._handler())
        self._open.daemon_threads = True
        threading.Thread(target=self._open.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Refuse calls."""
        if self._open is not None:
            self._open.shutdown()
            self._open.server_close()
            self._open = None

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        door = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                door.pass_on(self)

            do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815 - the names that http.server asks for

            def log_message(self, *_: object) -> None:
                """Print nothing."""

        return Handler

    def pass_on(self, call: BaseHTTPRequestHandler) -> None:
        """Wait for the delay, ask the server, and pass its answer on."""
        self.calls += 1
        time.sleep(self._delay)
        body = call.rfile.read(int(call.headers.get("content-length", 0)))
        headers = {key: value for key, value in call.headers.items() if key.lower() in _PASSED_ON}
        server = http.client.HTTPConnection("127.0.0.1", self._server_port, timeout=60)
        server.request(call.command, call.path, body, headers)
        answer = server.getresponse()
        content = answer.read()
        server.close()
        call.send_response(answer.status)
        call.send_header("content-type", answer.getheader("content-type", "application/json"))
        call.send_header("content-length", str(len(content)))
        call.end_headers()
        call.wfile.write(content)


@contextmanager
def tracking_server(folder: Path) -> Iterator[int]:
    """Run `mlflow server` on a folder and yield its port."""
    port = free_port()
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    command += [
        "--backend-store-uri",
        f"sqlite:///{folder / 'mlflow.db'}",
        "--artifacts-destination",
        str(folder / "a"),
    ]
    with (folder / "server.log").open("w", encoding="utf-8") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        _wait_for(f"http://127.0.0.1:{port}/health")
        yield port
    finally:
        server.terminate()
        server.wait()


def _wait_for(address: str) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            urllib.request.urlopen(address, timeout=5).close()  # noqa: S310 - http only
        except (OSError, urllib.error.URLError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)
        else:
            return
