"""What a database says of a full disk or a damaged file, in words that say what to do."""

from collections.abc import Iterator
from contextlib import contextmanager

import optuna
import sqlalchemy as sa

from tuner.errors import UsageError
from tuner.urls import without_password

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
    "is locked": "end the program that keeps the file locked, a backup perhaps",
}


class LedgerError(UsageError):
    """The ledger's database cannot be read or written; what it holds stays, and the message says the way out."""


@contextmanager
def named_trouble(url: str) -> Iterator[None]:
    """Raise LedgerError for whatever the database raises inside, but not for a second row of one report."""
    try:
        yield
    except sa.exc.IntegrityError:
        raise
    except (sa.exc.SQLAlchemyError, optuna.exceptions.StorageInternalError, ValueError) as error:
        cause = error if isinstance(error, ValueError) else (getattr(error, "orig", None) or error.__cause__ or error)
        reason = str(getattr(cause, "orig", None) or cause).strip().splitlines()[0]
        way = next((way for words, way in _WAYS.items() if words in reason), "check the database and its server")
        raise LedgerError(
            f"The ledger {without_password(url)} cannot be used: {reason}. What is on record stays; {way}, then resume."
        ) from error
