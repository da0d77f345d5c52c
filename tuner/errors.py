"""The error for mistakes that a user can correct; the command line prints it without a traceback."""


class UsageError(Exception):
    """A request cannot be carried out; the message says why, and what to do. The command ends with exit code 2."""
