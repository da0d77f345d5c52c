"""What the commands have in common that read a search, show it and end."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def keeping_garbage() -> Iterator[None]:
    """Collect no garbage meanwhile: of a large search nearly all is in use to the end, and looking takes a fifth."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()
