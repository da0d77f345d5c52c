"""The one kind of error that a user causes and can mend: shown without a traceback, exit code 2."""


class UsageError(Exception):
    """A request that cannot be served as it stands; the message says what is wrong and the way out."""
