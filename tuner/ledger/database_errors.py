"""What a database reports of a full disk or a damaged file, as an error that says what to do."""

from collections.abc import Iterator
from contextlib import contextmanager

import optuna
import sqlalchemy as sa

from tuner.ledger.protocol import LedgerError
from tuner.redact import without_password

_FULL = "free some space"
_DAMAGED = (
    "restore the file from a backup, or save what can be read: sqlite3 ledger.db .recover | sqlite3 recovered.db; "
    "what MLflow shows of the search is a copy of it"
)
_WAYS_OUT = {
    "database or disk is full": _FULL,
    "No space left on device": _FULL,
    "disk I/O error": "check whether the disk is full or broken",
    "malformed": _DAMAGED,
    "not a database": _DAMAGED,
    "readonly database": "check the rights of the file and of its folder",
    "unable to open database file": "check the rights and the space of its folder",
    "is locked": "end the program that keeps the file locked, perhaps a backup",
}


@contextmanager
def as_ledger_errors(url: str) -> Iterator[None]:
    """Raise every error of the database inside as a LedgerError, but not that of a second row for one report."""
    try:
        yield
    except sa.exc.IntegrityError:
        raise
    except (sa.exc.SQLAlchemyError, optuna.exceptions.StorageInternalError, ValueError) as error:
        cause = error if isinstance(error, ValueError) else (getattr(error, "orig", None) or error.__cause__ or error)
        raise ledger_error(url, str(getattr(cause, "orig", None) or cause)) from error


@contextmanager
def damaged_rows_as_ledger_errors(url: str) -> Iterator[None]:
    """Do the same, also for rows that make no sense, such as a text that is not JSON or an unknown state."""
    try:
        with as_ledger_errors(url):
            yield
    except (LookupError, TypeError, OverflowError) as error:
        raise ledger_error(url, f"{error!r}: its rows are malformed") from error


def ledger_error(url: str, reason: str) -> LedgerError:
    """Return the error that quotes what a database reports and says what to do."""
    reason = next(iter(reason.strip().splitlines()), "no reason given")
    way_out = next((way for words, way in _WAYS_OUT.items() if words in reason), "check the database and its server")
    return LedgerError(
        f"The ledger {without_password(url)} cannot be used: {reason}. What is on record stays; {way_out}, then resume."
    )
