"""Files that a reader finds complete, also in object storage: the old one or the new one, never a part."""

from pathlib import Path

from training.atomic_write import atomic_write
from tuner.runs.mirror import upload


def write_whole(path: Path, content: bytes) -> Path:
    """Write a file in one step, send it to object storage if it belongs there, and return its path."""
    with atomic_write(path) as file:
        file.write(content)
    upload(path)
    return path
