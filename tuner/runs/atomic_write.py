"""Files that their readers find whole: the old one or the new one, never a part."""

import os
from pathlib import Path

from tuner.runs.mirror import upload


def write_whole(path: Path, content: bytes) -> Path:
    """Write a file beside its place and move it there, and on to object storage if it is a copy; give its path."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_bytes(content)
        temporary.replace(path)
        upload(path)
    finally:
        temporary.unlink(missing_ok=True)
    return path
