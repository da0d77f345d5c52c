"""The URL of a database file, and the file of a URL.

A path may hold `%` and `?`, which mean something else in a URL. There they are written as escapes such as %3F.
"""

from pathlib import Path

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from tuner.errors import UsageError


def require_utf8(place: Path | str, what: str) -> None:
    """Raise UsageError if a path or URL is not UTF-8: neither a database nor a file of a search can hold it."""
    try:
        str(place).encode()
    except UnicodeEncodeError as error:
        shown = str(place).encode(errors="backslashreplace").decode()
        raise UsageError(f"{what} is {shown}, which is not UTF-8: give it another name.", place) from error


def url_of_file(path: Path) -> str:
    """Return the URL of a SQLite file. Raise UsageError if its path is not UTF-8."""
    require_utf8(path.resolve(), "The database")
    return URL.create("sqlite", database=str(path.resolve())).render_as_string(hide_password=False)


def file_of_url(url: str) -> Path | None:
    """Return the file of a URL of SQLite; None for another database, one in memory, or a text that is no URL."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):  # ValueError: a port that is not a number
        return None
    name = parsed.database or ""
    if parsed.get_backend_name() != "sqlite" or not name or name.startswith((":", "file:")):
        return None
    return Path(name)


def require_file(url: str, option: str) -> None:
    """Raise UsageError if a URL of SQLite names no file: a database in memory is lost with its process."""
    if url.startswith("sqlite") and file_of_url(url) is None:
        raise UsageError(f"{option} is {url}, but must name a file, as sqlite:////path/file.db does.", option)


def require_written(url: str) -> None:
    """Raise UsageError if a database was written, but its file is not where the URL says."""
    file = file_of_url(url)
    if file is not None and not file.is_file():
        raise UsageError(f"The database {url} was written, but not to {file}: give it another path.", url)


def is_same_database(one: str, other: str) -> bool:
    """Return whether two URLs are equal or lead to the same file."""
    files = [file_of_url(url) for url in (one, other)]
    return one == other or (None not in files and len({file.resolve() for file in files if file is not None}) == 1)


def absolute(url: str) -> str:
    """Return the URL of a database file with its whole path, and any other URL unchanged.

    Raise UsageError if it is not UTF-8.
    """
    require_utf8(url, "The database")
    file = file_of_url(url)
    if file is None or file.is_absolute():
        return url
    require_utf8(file.resolve(), "The database")
    return make_url(url).set(database=str(file.resolve())).render_as_string(hide_password=False)
