"""The error for mistakes that a user can correct, and the first line of any error."""

from training.explained_error import ExplainedError


class UsageError(ExplainedError):
    """A request cannot be carried out; the message says why, and what to do. The command ends with exit code 2."""


def first_line(error: object) -> str:
    """Return the first line of an error's message, or the name of its class if it has none."""
    return str(error).strip().split("\n", maxsplit=1)[0] or type(error).__name__
