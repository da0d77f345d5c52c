"""Linear algebra in one thread: more threads are slower for small matrices, and their number changes the last bits."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from threadpoolctl import threadpool_limits

_lock = Lock()
_inside = 0
_limits: threadpool_limits | None = None


@contextmanager
def one_thread() -> Iterator[None]:
    """Limit BLAS to one thread while any thread of this process is in such a block.

    The limit is that of the whole process. A proposal and a decision may be in such blocks at the same time: the first
    one sets the limit, and the last one takes it away.
    """
    global _inside, _limits  # noqa: PLW0603 - the limit that they count is global
    with _lock:
        if _inside == 0:
            _limits = threadpool_limits(1, "blas")
        _inside += 1
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if _inside == 0 and _limits is not None:
                _limits.restore_original_limits()
                _limits = None
