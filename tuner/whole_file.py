"""Files that their readers find whole: the old one or the new one, never a part."""

import os
from pathlib import Path


def write_whole(path: Path, content: bytes) -> Path:
    """Write a file beside its place and move it there, within one file system; give its path."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_bytes(content)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return path
