"""What can go wrong while Ray starts or is joined, each with its own advice: address, folder, token, busy machine."""

import logging
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tuner.errors import UsageError, first_line

_ATTEMPTS = 3
_PAUSE_SECONDS = 5.0
# Ray puts sockets below its folder, in ray/session_2026-11-29_14-02-36_278016_1234567/sockets/plasma_store, and the
# path of a socket may have 107 bytes.
_LONGEST_FOLDER = 107 - len("/ray/session_2026-11-29_14-02-36_278016_1234567/sockets/plasma_store")


def require_reachable(address: str) -> None:
    """Raise UsageError unless `address` is "auto", or HOST:PORT where somebody listens.

    RAY_ADDRESS stands for an absent `--address`, and Ray replaces "auto" by it.
    """
    known = os.environ.get("RAY_ADDRESS") or "auto"
    if address == "auto":
        address = known
    if address == "auto":
        return
    if address == known:
        _require_listener(address, "RAY_ADDRESS", "correct the variable or remove it")
    else:
        _require_listener(address, "--address", "leave --address out to use this machine")


def _require_listener(address: str, source: str, way: str) -> None:
    if address.startswith("ray://"):
        raise UsageError(
            f"{source} is {address}, but Ray Client is not supported: run the driver inside the cluster with "
            "`ray job submit`.",
            source,
        )
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal():
        raise UsageError(f"{source} is {address!r}, but must be 'auto' or HOST:PORT, such as 10.0.0.1:6379.", source)
    try:
        socket.create_connection((host, int(port)), timeout=5).close()
    except (OSError, ValueError, OverflowError) as error:
        raise UsageError(
            f"There is no Ray cluster at {address}, which {source} names: {error}. Start one with `ray start --head`, "
            f"or {way}.",
            address,
        ) from error


def require_variables(names: Sequence[str]) -> None:
    """Raise UsageError if the value of a variable among `names` is one that Ray's C++ part cannot read.

    Such a value ends every process that imports Ray, without a message. So another process imports it first, if there
    is any variable of this part: their names are in small letters, such as RAY_memory_usage_threshold.
    """
    found = [name for name in names if re.match("RAY_[a-z]", name)]
    # If Ray cannot be imported without them either, they are not at fault.
    if not found or _imports_ray(found) or not _imports_ray([]):
        return
    for name in [name for name in found if not _imports_ray([name])]:
        raise UsageError(
            f"Ray cannot read the value of {name}, {os.environ[name]!r}: correct the variable or remove it.", name
        )


def _imports_ray(variables: Sequence[str]) -> bool:
    """Return whether a new process can import Ray with no other variables of its C++ part than these."""
    kept = {name: value for name, value in os.environ.items() if name in variables or not re.match("RAY_[a-z]", name)}
    command = [sys.executable, "-c", "import ray"]
    return subprocess.run(command, env=kept, capture_output=True, check=False).returncode == 0  # noqa: S603 - no user input


def require_folder() -> None:
    """Make the folder in which a local Ray will keep its files and sockets; raise UsageError if it is unusable."""
    source = next((name for name in ("RAY_TMPDIR", "TMPDIR") if name in os.environ), None)
    place = Path(os.environ[source]) if source else Path("/tmp")  # noqa: S108 - Ray's own default
    where = f"{place}{f' (from {source})' if source else ''}"
    way = "Set RAY_TMPDIR to a folder of your own with a short path, such as RAY_TMPDIR=/tmp/me."
    if (length := len(os.fsencode(place))) > _LONGEST_FOLDER:
        raise UsageError(
            f"Ray keeps its sockets below {where}, whose path has {length} bytes, but may have at most "
            f"{_LONGEST_FOLDER}. {way}",
            source,
        )
    try:
        (place / "ray").mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=place / "ray").close()
    except OSError as error:
        raise UsageError(
            f"Ray keeps its files below {where}, which cannot be written: {error}. {way}", source
        ) from error


def start(
    init: Callable[[], object], stop: Callable[[], object], pause: Callable[[float], object] = time.sleep
) -> None:
    """Start a local Ray with `init`; try it three times if its processes are late, as on a busy machine.

    Raise UsageError with the reason if it does not start.
    """
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            init()
        except Exception as error:
            stop()
            # What Ray raises if one of its own processes was not there in time, or ended early.
            is_late = type(error) is Exception or isinstance(error, (RuntimeError, TimeoutError))
            if not is_late or attempt == _ATTEMPTS:
                raise UsageError(
                    f"Ray does not start on this machine: {first_line(error).rstrip('.')}. If the machine is busy, try "
                    "again later; Ray's log files are in ray/session_latest/logs of its folder.",
                    "ray",
                ) from error
            logging.getLogger(__name__).warning("Ray did not start (%s); trying again.", first_line(error))
            pause(_PAUSE_SECONDS)
        else:
            return


def join(init: Callable[[], object], address: str) -> None:
    """Join the cluster at `address` with `init`; raise UsageError if there is none or if it refuses this driver."""
    known = os.environ.get("RAY_ADDRESS") or "auto"
    found = next((place for place in (address, known) if place != "auto"), None)
    try:
        init()
    except Exception as error:
        reason = first_line(error).rstrip(".")
        # A cluster that refuses the token is a ConnectionError, too, which then names the cluster's address.
        if isinstance(error, ConnectionError) and found is None and not re.search(r":\d+\b", reason):
            raise UsageError(
                f"--address {address} leads to no Ray cluster: {reason}. Start one with `ray start --head`, give "
                "--address HOST:PORT of another one, or leave --address out to use this machine.",
                address,
            ) from error
        raise UsageError(
            f"The Ray cluster at {found or 'the address that `auto` found here'} does not accept this driver: {reason}."
            " Check --address and that both have the same version of Ray. If the cluster has a token, set "
            "RAY_AUTH_MODE=token and RAY_AUTH_TOKEN here as well.",
            address,
        ) from error
