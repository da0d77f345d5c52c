"""URLs and texts without their secrets, as they may be shown and stored."""

import logging
import os
import re

_MASK = "***"
_SECRET = re.compile(r"pass|pw|secret|token|credential|auth|api_?key|access_?key", re.IGNORECASE)
_PASSWORD = re.compile(r"(://[^\s/:@]*:)[^\s/@]+(?=@)")
# MLflow, S3 and Ray read secrets from these variables. No text of this project may repeat them.
_SECRET_VARIABLES = (
    *("MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"),
    "RAY_AUTH_TOKEN",
)
_SHORTEST_SECRET = 6


def without_password(url: str) -> str:
    """Return a URL with its password masked, before the host or in the query.

    It looks at punctuation only, because a URL with a typing error contains a password, too.
    """
    address, mark, query = re.sub(r":(?!//).*@", f":{_MASK}@", url, flags=re.DOTALL).partition("?")
    return address + mark + "&".join(map(_masked, query.split("&")))


def redacted(text: str) -> str:
    """Return a text with the passwords of URLs and the secrets of the environment masked."""
    text = _PASSWORD.sub(rf"\1{_MASK}", text)
    for name in _SECRET_VARIABLES:
        value = os.environ.get(name, "")
        if len(value) >= _SHORTEST_SECRET:  # a shorter secret could be part of an ordinary word
            text = text.replace(value, _MASK)
    return text


class RedactingFormatter(logging.Formatter):
    """Formats log records and tracebacks without secrets."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the text of the record."""
        return redacted(super().format(record))


def has_masked_password(url: str) -> bool:
    """Return whether `without_password` has masked a password in this URL."""
    return _MASK in url


def _masked(pair: str) -> str:
    key, equals, _ = pair.partition("=")
    if not pair or (equals and not _SECRET.search(key)):
        return pair
    return f"{key}={_MASK}" if equals else _MASK
