"""Runs folders in object storage, `s3://BUCKET/PREFIX`, through pyarrow's file systems, as Ray uses them.

A command works on a copy of such a folder on its own machine. The copy has the small files of each search, and whatever
else is asked for; a file that is written into it is sent to the storage at once. Checkpoints go from the workers to the
storage and never through the copy. All functions take paths of the local file system as well, where they are at home.
"""

import atexit
import re
import shlex
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from tuner.errors import UsageError

_Result = TypeVar("_Result")

_URL = re.compile(r"[a-z][a-z0-9+]*://")
# Which folders of this process are copies, and of what.
_copies: dict[Path, str] = {}


def open_runs(place: str | Path) -> Path:
    """Give a runs folder as a local one: the path itself, or a fresh copy of what a URL holds of every search.

    Raises UsageError if the storage cannot be reached.
    """
    text = str(place)
    if not _URL.match(text):
        return Path(place)
    url = text.rstrip("/")
    for copy, known in _copies.items():
        if known == url:
            return copy
    found = _reach(url, lambda: names_at(url))
    copy = Path(tempfile.mkdtemp(prefix="tuner-runs-")).resolve()
    atexit.register(shutil.rmtree, copy, ignore_errors=True)
    _copies[copy] = url
    for name in found:
        download(copy / name / "space.yaml")
    return copy


def url_of(path: Path) -> str | None:
    """Give the URL of a file or folder of which `path` is the copy; None for one that lies where it belongs."""
    for copy, url in _copies.items():
        if path.is_relative_to(copy):
            return "/".join([url, *path.relative_to(copy).parts])
    return None


def place_of(path: Path) -> str:
    """Say where a file or folder belongs, for people and for Ray: its URL in object storage, or its path."""
    return url_of(path) or str(path)


def runs_flag(runs_dir: Path) -> str:
    """Give the flag that a command needs for a folder of searches, after a blank; nothing for the usual one."""
    return "" if runs_dir == Path("runs") else f" --runs-dir {shlex.quote(place_of(runs_dir))}"


def upload(path: Path) -> None:
    """Send a file that was written into a copy to where it belongs, replacing an earlier one whole."""
    url = url_of(path)
    if url is not None:
        _reach(url, lambda: _send(path, url))


def download(path: Path) -> Path:
    """Bring a file or folder into its copy, if the storage has it, and give its path."""
    url = url_of(path)
    if url is not None:
        _reach(url, lambda: _fetch(url, path))
    return path


def remove(path: Path) -> None:
    """Remove a file, and the one that it is the copy of."""
    url = url_of(path)
    path.unlink()
    if url is not None:
        _reach(url, lambda: _delete(url))


def names_in(path: Path) -> list[str]:
    """List the names in a folder, or in the one that it is a copy of; nothing where there is none."""
    url = url_of(path)
    if url is None:
        return sorted(entry.name for entry in path.iterdir()) if path.is_dir() else []
    return sorted(_reach(url, lambda: names_at(url)))


def names_at(url: str) -> list[str]:
    """List the names in a folder of object storage; nothing where there is none."""
    from pyarrow.fs import FileSelector

    system, path = file_system(url)
    return [found.base_name for found in system.get_file_info(FileSelector(path, allow_not_found=True))]


@contextmanager
def working_folder(place: str) -> Iterator[Path]:
    """Give a folder to work in: the local one itself, or one with what the URL holds, sent back at the end."""
    if not _URL.match(place):
        Path(place).mkdir(parents=True, exist_ok=True)
        yield Path(place)
        return
    with tempfile.TemporaryDirectory() as name:
        _fetch(place, Path(name))
        try:
            yield Path(name)
        finally:
            for path in Path(name).iterdir():
                _send(path, f"{place}/{path.name}")


def file_system(place: str) -> tuple[Any, str]:
    """Give pyarrow's file system of a URL or a local path, and the place's path in it."""
    from pyarrow.fs import FileSystem, LocalFileSystem

    if not _URL.match(place):
        return LocalFileSystem(), place
    system, path = FileSystem.from_uri(place)
    return system, path.rstrip("/")


def _fetch(url: str, target: Path) -> None:
    from pyarrow.fs import FileType, LocalFileSystem, copy_files

    system, path = file_system(url)
    (found,) = system.get_file_info([path])
    if found.type is not FileType.NotFound:
        target.parent.mkdir(parents=True, exist_ok=True)
        copy_files(path, str(target), source_filesystem=system, destination_filesystem=LocalFileSystem())


def _send(path: Path, url: str) -> None:
    from pyarrow.fs import LocalFileSystem, copy_files

    system, name = file_system(url)
    copy_files(str(path), name, source_filesystem=LocalFileSystem(), destination_filesystem=system)


def _delete(url: str) -> None:
    system, name = file_system(url)
    system.delete_file(name)


def _reach(url: str, action: Callable[[], _Result]) -> _Result:
    try:
        return action()
    except (OSError, ValueError, ImportError) as error:
        raise UsageError(
            f"The storage {url} cannot be reached: {str(error).splitlines()[0]}. Check --runs-dir, and that this "
            "machine has the storage's address and keys (AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID, …, or a role)."
        ) from error
