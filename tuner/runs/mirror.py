"""A local mirror of a runs folder in object storage, `s3://BUCKET/PREFIX`, through pyarrow's file systems.

A command works on a mirror of such a folder on its own machine. The mirror has the small files of each search and what
a command downloads; a file that is written into it is uploaded at once. Checkpoints go from the workers straight to
the storage. All functions also accept paths that are not in a mirror.
"""

import atexit
import re
import shlex
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from training.atomic_write import atomic_write
from tuner.database_url import require_utf8
from tuner.errors import UsageError, first_line

_URL = re.compile(r"[a-z][a-z0-9+]*://")
# The mirrors of this process, and the URL of each.
_copies: dict[Path, str] = {}


def open_runs(place: str | Path) -> Path:
    """Return a local runs folder: the path itself, or a new mirror of a URL with the frozen space of each search.

    Raise UsageError if the storage cannot be reached, or if the path is that of a file.
    """
    text = str(place)
    if not _URL.match(text):
        return _local_runs(Path(place))
    url = text.rstrip("/")
    for copy, known in _copies.items():
        if known == url:
            return copy
    with _reaching(url):
        found = names_at(url)
    copy = Path(tempfile.mkdtemp(prefix="tuner-runs-")).resolve()
    atexit.register(shutil.rmtree, copy, ignore_errors=True)
    _copies[copy] = url
    for name in found:
        download(copy / name / "space.yaml")
    return copy


def _local_runs(path: Path) -> Path:
    """Return a path that is a folder or may become one.

    Raise UsageError for a file, for what lies below a file or in a folder without rights, and for a path that is not
    UTF-8.
    """
    try:
        nearest = next(folder for folder in (path, *path.absolute().parents) if folder.exists())
    except PermissionError as error:
        raise UsageError(
            f"--runs-dir is {path}, which cannot be read: check the rights of its parents.", path
        ) from error
    require_utf8(path.resolve(), "--runs-dir")
    if not nearest.is_dir():
        raise UsageError(f"--runs-dir is {path}, but {nearest} is a file: give a folder.", path)
    return path


def url_of(path: Path) -> str | None:
    """Return the URL that `path` mirrors; None if it is in no mirror."""
    for copy, url in _copies.items():
        if path.is_relative_to(copy):
            return "/".join([url, *path.relative_to(copy).parts])
    return None


def place_of(path: Path) -> str:
    """Return the place of a file or folder as users and Ray know it: its URL in object storage, or its path."""
    return url_of(path) or str(path)


def runs_flag(runs_dir: Path) -> str:
    """Return the flag of a runs folder for a printed command, after a blank; an empty text for the default folder."""
    return "" if runs_dir == Path("runs") else f" --runs-dir {shlex.quote(place_of(runs_dir))}"


def upload(path: Path) -> None:
    """Upload a file of a mirror; do nothing for other files."""
    url = url_of(path)
    if url is not None:
        with _reaching(url):
            _send(path, url)


def write_whole(path: Path, content: bytes) -> Path:
    """Write a file in one step, send it to object storage if it belongs there, and return its path."""
    with atomic_write(path) as file:
        file.write(content)
    upload(path)
    return path


def download(path: Path) -> Path:
    """Download a file or folder of a mirror, if the storage has it; return its path."""
    url = url_of(path)
    if url is not None:
        with _reaching(url):
            _fetch(url, path)
    return path


def remove(path: Path) -> None:
    """Remove a file, also from the storage if it is in a mirror."""
    url = url_of(path)
    path.unlink()
    if url is not None:
        with _reaching(url):
            system, name = file_system(url)
            system.delete_file(name)


def names_in(path: Path) -> list[str]:
    """Return the names in a folder, or in the folder that it mirrors; an empty list if there is none."""
    url = url_of(path)
    if url is None:
        return sorted(entry.name for entry in path.iterdir()) if path.is_dir() else []
    with _reaching(url):
        names = names_at(url)
    return sorted(names)


def names_at(url: str) -> list[str]:
    """Return the names in a folder of object storage; an empty list if there is none."""
    from pyarrow.fs import FileSelector

    system, path = file_system(url)
    return [found.base_name for found in system.get_file_info(FileSelector(path, allow_not_found=True))]


@contextmanager
def working_folder(place: str) -> Iterator[Path]:
    """Open a folder to work in: the local one itself, or a copy of a URL's content that is uploaded at the end."""
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


def file_system(url: str) -> tuple[Any, str]:
    """Return pyarrow's file system of a URL, and the path in it."""
    from pyarrow.fs import FileSystem

    system, path = FileSystem.from_uri(url)
    return system, path.rstrip("/")


def _fetch(url: str, target: Path) -> None:
    from pyarrow.fs import FileSelector, FileType, LocalFileSystem, copy_files

    system, path = file_system(url)
    (found,) = system.get_file_info([path])
    files = [found] if found.type is FileType.File else []
    if found.type is FileType.Directory:
        files = [info for info in system.get_file_info(FileSelector(path, recursive=True)) if info.is_file]
    for file in files:
        local = target / Path(file.path).relative_to(path)
        # Object storage has no folders, so a copy of a whole folder would find no folder to create here.
        local.parent.mkdir(parents=True, exist_ok=True)
        copy_files(file.path, str(local), source_filesystem=system, destination_filesystem=LocalFileSystem())


def _send(path: Path, url: str) -> None:
    from pyarrow.fs import LocalFileSystem, copy_files

    system, name = file_system(url)
    copy_files(str(path), name, source_filesystem=LocalFileSystem(), destination_filesystem=system)


@contextmanager
def writing_to(path: Path) -> Iterator[None]:
    """Raise an OSError inside as a UsageError that names the file or the folder and says what to do."""
    try:
        yield
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error}. Check its space and its rights.", path) from error


@contextmanager
def _reaching(url: str) -> Iterator[None]:
    """Raise what a storage out of reach raises as a UsageError."""
    try:
        yield
    except (OSError, ValueError, ImportError) as error:
        raise UsageError(
            f"The storage {url} cannot be reached: {first_line(error)}. Check --runs-dir, and that this "
            "machine has the storage's address and keys (AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID, …, or a role).",
            url,
        ) from error
