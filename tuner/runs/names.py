"""The names that a search can have: they name folders."""

import re

from tuner.errors import UsageError

# The last part is the default name of a confirmation, which every search may have.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,91}(-confirm)?")
_RESERVED = {"mlflow.db", "mlartifacts"}


def is_name(name: str) -> bool:
    """Return whether a search can have this name; those of MLflow's own files count as names, too."""
    return _NAME.fullmatch(name) is not None


def require_name(name: str, what: str) -> None:
    """Raise UsageError if a search cannot have this name; `what` says where the name comes from."""
    if not is_name(name):
        rule = "start with a letter or a digit and go on with these and . _ -, with at most 92 characters"
        raise UsageError(f"{what} is {name!r}, but must {rule}: it names a folder.", (what, name))
    if name in _RESERVED:
        raise UsageError(
            f"{what} {name!r} is taken by MLflow's store beside the searches: choose another.", (what, name)
        )
