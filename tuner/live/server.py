"""Serves the page on this machine only, until a signal comes."""

import socket

import uvicorn

from tuner.errors import UsageError
from tuner.live.application import LiveSearch, application

HOST = "127.0.0.1"
# Beside MLflow's usual port. With several pages each takes the next free one.
_FIRST_PORT, _PORTS = 5001, 50
_PATIENCE_SECONDS = 2


def listen(port: int | None) -> socket.socket:
    """Return a socket that listens on this machine: on `port`, or on the first free one from 5001.

    Raise UsageError if there is none.
    """
    tried = [port] if port is not None else list(range(_FIRST_PORT, _FIRST_PORT + _PORTS))
    reason: OSError | None = None
    for each in tried:
        listening = socket.socket()
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((HOST, each))
            listening.listen()
        except OSError as error:
            listening.close()
            reason = error
        else:
            return listening
    what = f"Port {port} is" if port is not None else f"The ports {tried[0]} to {tried[-1]} are"
    raise UsageError(f"{what} not free ({reason}): choose one with --port.", "--port")


def server_of(search: LiveSearch, token: str) -> uvicorn.Server:
    """Return the server of a search. Its log has no addresses: the first one holds the token."""
    return uvicorn.Server(
        uvicorn.Config(
            application(search, token),
            log_config=None,
            access_log=False,
            lifespan="off",
            ws="none",
            server_header=False,
            timeout_graceful_shutdown=_PATIENCE_SECONDS,
        )
    )
