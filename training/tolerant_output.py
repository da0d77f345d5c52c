"""Standard output and standard error that never end a command: it goes on if they cannot be written."""

import codecs
import io
import os
import select
import sys
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_FALLBACK = "training.fallback"
# What the programs print beyond ASCII, for terminals and logs of another encoding.
_ASCII = str.maketrans(
    {
        "±": "+/-",
        "×": "x",
        "≥": ">=",
        "≤": "<=",
        "→": "->",
        "…": "...",
        "–": "-",
        "—": "-",
        "·": "-",
        "◆": "*",
        "●": "o",
        "∘": "o",
        "✓": "v",
        "✗": "x",
        "━": "-",
        "─": "-",
        "└": "+",
        "┤": "|",
    }
)


def tolerate_lost_output() -> None:
    """Replace `sys.stdout` and `sys.stderr` by streams that lose text rather than raise.

    A closed pipe, a full disk or a character that the encoding does not have must not decide a command's exit code.
    Streams that are no files, such as those of a test, only learn the fallbacks of characters.
    """
    codecs.register_error(_FALLBACK, _fall_back)
    sys.stdout = _tolerant(sys.stdout)
    sys.stderr = _tolerant(sys.stderr)


def _tolerant(stream: TextIO | None) -> TextIO:
    if stream is None:  # closed by the shell, with `>&-`
        return open(os.devnull, "w", encoding="ascii", errors=_FALLBACK)  # noqa: PTH123 - as long as the process lives
    if not isinstance(stream, io.TextIOWrapper):
        return stream
    if not isinstance(getattr(stream.buffer, "raw", stream.buffer), io.FileIO):  # PYTHONUNBUFFERED has no buffer
        stream.reconfigure(errors=_FALLBACK)
        return stream
    buffer = io.BufferedWriter(_TolerantFile(stream.fileno()))
    return io.TextIOWrapper(buffer, encoding=stream.encoding, errors=_FALLBACK, line_buffering=True)


class _TolerantFile(io.RawIOBase):
    """A file that takes every write, and loses what the operating system refuses."""

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._descriptor = descriptor

    def fileno(self) -> int:
        return self._descriptor

    def isatty(self) -> bool:
        return os.isatty(self._descriptor)

    def writable(self) -> bool:
        return True

    def write(self, content: "ReadableBuffer") -> int:
        """Write what the reader takes; a reader that is slow, on a pipe that does not block, is waited for."""
        try:
            return os.write(self._descriptor, content)
        except BlockingIOError:
            select.select([], [self._descriptor], [])
            return 0
        except OSError:
            return len(memoryview(content))


def _fall_back(error: UnicodeError) -> tuple[str, int]:
    """Return ASCII for the characters that the encoding does not have, and the place after them."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end].translate(_ASCII)
    return text.encode("ascii", "backslashreplace").decode("ascii"), error.end
