"""Notices that Ray no longer answers: its node below the driver has died, its head has died, or it does not stop.

Ray then waits for a node that never comes back, or ends the driver without a message. Either way every trial of this
driver is lost.
"""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Self

import ray

from tuner.engine.cluster import head_patience_seconds
from tuner.engine.ray_private import gcs_address

_INTERVAL_SECONDS = 2.0
_END_SECONDS = 20.0
# A head that comes back before Ray's own patience ends (KubeRay with Redis) may still be found. The last third of that
# time is left to bring MLflow up to date.
_HEAD_PATIENCE_SHARE = 2 / 3


class EndTimer:
    """Calls `on_late`, from another thread, if the block has not ended some seconds after the first `start`."""

    def __init__(self, on_late: Callable[[], None], seconds: float = _END_SECONDS) -> None:
        self._timer = threading.Timer(seconds, on_late)
        self._timer.daemon = True
        self._unused = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._timer.cancel()

    def start(self) -> None:
        """Start the clock; a signal's handler and a watching thread may both call this."""
        if self._unused.acquire(blocking=False):
            self._timer.start()


@contextmanager
def watch(
    is_alive: Callable[[], bool],
    on_lost: Callable[[], None],
    *,
    patience_seconds: float = 0.0,
    interval_seconds: float = _INTERVAL_SECONDS,
) -> Iterator[None]:
    """Ask `is_alive` every few seconds during the block; call `on_lost` once if it says no for `patience_seconds`.

    Both are called from another thread.
    """
    ended = threading.Event()

    def ask() -> None:
        seen = time.monotonic()
        while not ended.wait(interval_seconds):
            if is_alive():
                seen = time.monotonic()
            elif time.monotonic() - seen >= patience_seconds:
                on_lost()
                return

    thread = threading.Thread(target=ask, name="node-watch", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()


@contextmanager
def watch_ray(on_node_lost: Callable[[], None], on_head_lost: Callable[[], None]) -> Iterator[None]:
    """Watch the driver's own node and the cluster's head during the block."""
    patience = head_patience_seconds() * _HEAD_PATIENCE_SHARE
    with watch(own_node_is_alive, on_node_lost), watch(head_is_alive, on_head_lost, patience_seconds=patience):
        yield


def own_node_is_alive() -> bool:
    """Return whether Ray counts the driver's own node among the living, and True if Ray gives no answer."""
    try:
        own = ray.get_runtime_context().get_node_id()
        return any(node["NodeID"] == own and node["Alive"] for node in ray.nodes())  # type: ignore[no-untyped-call]
    except Exception:  # noqa: BLE001 - whatever Ray raises while it ends or connects again, it says nothing of the node
        return True


def head_is_alive(address: Callable[[], str] = gcs_address) -> bool:
    """Return whether Ray's head, which knows all nodes (GCS), accepts a connection at the HOST:PORT of `address()`."""
    try:
        host, _, port = address().rpartition(":")
        socket.create_connection((host.strip("[]"), int(port)), timeout=_INTERVAL_SECONDS).close()
    except OSError:
        return False
    except Exception:  # noqa: BLE001 - as above: Ray is ending
        return True
    return True
