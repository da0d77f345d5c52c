"""A PostgreSQL server for benchmarks and tests: the machine's own package, in a temporary folder."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
PASSWORD = "not-a-secret"


def is_installed() -> bool:
    """Return whether the machine has Debian's package `postgresql`."""
    return bool(_BINARIES)


@contextmanager
def server(*, durable: bool = False) -> Iterator[str]:
    """Start a server and yield its address, `USER:PASSWORD@HOST:PORT`.

    Only if it is `durable`, as PostgreSQL is by default, does it write a transaction to the disk before it answers.
    Tests do not need to wait for that.
    """
    # Not one of pytest's folders: PostgreSQL refuses to run as root, and no other user can read those.
    with tempfile.TemporaryDirectory(prefix="postgres-") as name:
        folder = Path(name)
        data, password_file, port = folder / "data", folder / "password", free_port()
        password_file.write_text(PASSWORD)
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres")
            shutil.chown(password_file, "postgres")
        _as_owner("initdb", "--pgdata", data, "--username=tuner", "--auth=scram-sha-256", "--pwfile", password_file)
        options = f"-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories={folder}"
        options += "" if durable else " -c fsync=off"
        _as_owner("pg_ctl", "start", "--wait", "--pgdata", data, "--log", folder / "log", "--options", options)
        try:
            yield f"tuner:{PASSWORD}@127.0.0.1:{port}"
        finally:
            _as_owner("pg_ctl", "stop", "--mode=immediate", "--pgdata", data)


def _as_owner(program: str, *arguments: str | Path) -> None:
    command = [str(_BINARIES[-1] / program), *map(str, arguments)]
    if os.geteuid() == 0:
        command = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", *command]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd="/")


def free_port() -> int:
    """Return a free port of this machine."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
