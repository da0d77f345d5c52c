"""What a database says of a full disk or a damaged file, in words that say what to do."""

from collections.abc import Iterator
from contextlib import contextmanager

import optuna
import sqlalchemy as sa

from tuner.errors import UsageError
from tuner.redact import without_password

_FULL = "free some space"
_DAMAGED = (
    "restore the file from a backup, or save what can be read: sqlite3 ledger.db .recover | sqlite3 recovered.db; "
    "what MLflow shows of the search is a copy of it"
)
_WAYS = {
    "database or disk is full": _FULL,
    "No space left on device": _FULL,
    "disk I/O error": "see whether the disk is full or broken",
    "malformed": _DAMAGED,
    "not a database": _DAMAGED,
    "readonly database": "check the rights of the file and of its folder",
    "unable to open database file": "check the rights and the space of its folder",
    "is locked": "end the program that keeps the file locked, a backup perhaps",
}


class LedgerError(UsageError):
    """The ledger's database cannot be read or written; what it holds stays, and the message says the way out."""


# What a damaged row gives beside the database's own errors: text that is no JSON, a state that there is not.
_NO_ROWS = (LookupError, TypeError, OverflowError)


@contextmanager
def named_trouble(url: str) -> Iterator[None]:
    """Raise LedgerError for whatever the database raises inside, but not for a second row of one report."""
    try:
        yield
    except sa.exc.IntegrityError:
        raise
    except (sa.exc.SQLAlchemyError, optuna.exceptions.StorageInternalError, ValueError) as error:
        cause = error if isinstance(error, ValueError) else (getattr(error, "orig", None) or error.__cause__ or error)
        raise trouble(url, str(getattr(cause, "orig", None) or cause)) from error


@contextmanager
def reading_rows(url: str) -> Iterator[None]:
    """Name the database's trouble, and rows that make no sense, which is no fault of who reads them."""
    try:
        with named_trouble(url):
            yield
    except _NO_ROWS as error:
        raise trouble(url, f"{error!r}: its rows are malformed") from error


def trouble(url: str, reason: str) -> LedgerError:
    """Give the error that names what a database says, and the way out."""
    reason = next(iter(reason.strip().splitlines()), "no reason given")
    way = next((way for words, way in _WAYS.items() if words in reason), "check the database and its server")
    return LedgerError(
        f"The ledger {without_password(url)} cannot be used: {reason}. What is on record stays; {way}, then resume."
    )
