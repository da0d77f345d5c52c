"""The base of every error that explains itself to a user."""


class ExplainedError(Exception):
    """The message is for the user: the value, the rule and the way out. Programs and tests read `subject`.

    `subject` is what the error is about: an option, a key, a path, an address, a name or a number; a tuple if there are
    several.
    """

    def __init__(self, message: str, subject: object = None) -> None:
        # Both are arguments, so that the error survives pickling between processes.
        super().__init__(message, subject)
        self.message = message
        self.subject = subject

    def __str__(self) -> str:
        return self.message
