"""Notices that Ray's node below the driver has died: its raylet was killed, or the machine ran out of memory.

Ray then goes on waiting for a node that never comes back, and every trial of this driver dies with it.
"""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_INTERVAL_SECONDS = 2.0


@contextmanager
def watch(
    is_alive: Callable[[], bool],
    on_lost: Callable[[], None],
    *,
    patience_seconds: float = 0.0,
    interval_seconds: float = _INTERVAL_SECONDS,
) -> Iterator[None]:
    """Ask `is_alive` every few seconds, and call `on_lost`, from another thread and once, when it goes on saying no."""
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


def own_node_is_alive() -> bool:
    """Tell whether Ray counts the driver's own node among the living; without an answer, it may be."""
    import ray

    try:
        own = ray.get_runtime_context().get_node_id()
        return any(node["NodeID"] == own and node["Alive"] for node in ray.nodes())  # type: ignore[no-untyped-call]
    except Exception:  # noqa: BLE001 - whatever Ray raises while it ends or connects again, it says nothing of the node
        return True


def head_is_alive() -> bool:
    """Tell whether Ray's head, which knows all its nodes (GCS), can be reached from here."""
    import ray

    try:
        host, _, port = ray.get_runtime_context().gcs_address.rpartition(":")
        socket.create_connection((host.strip("[]"), int(port)), timeout=_INTERVAL_SECONDS).close()
    except OSError:
        return False
    except Exception:  # noqa: BLE001 - as above: Ray is ending
        return True
    return True
