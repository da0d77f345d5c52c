"""URLs and texts as they may be shown and remembered: whole but for secrets, and the same from every folder."""

import logging
import os
import re

_MASK = "***"
_SECRET = re.compile(r"pass|pw|secret|token|credential|auth|api_?key|access_?key", re.IGNORECASE)
_PASSWORD = re.compile(r"(://[^\s/:@]*:)[^\s/@]+(?=@)")
# Through these MLflow, S3 and Ray are told secrets, and none of ours may repeat them.
_SECRET_VARIABLES = (
    *("MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"),
    "RAY_AUTH_TOKEN",
)
_SHORTEST_SECRET = 6


def without_password(url: str) -> str:
    """Give a URL with its password masked, before the host or in the query.

    Goes by punctuation alone, because a URL with a typing error holds a password, too.
    """
    address, mark, query = re.sub(r":(?!//).*@", f":{_MASK}@", url, flags=re.DOTALL).partition("?")
    return address + mark + "&".join(map(_masked, query.split("&")))


def redacted(text: str) -> str:
    """Give a text with the passwords of URLs masked, and the values of the environment's secrets."""
    text = _PASSWORD.sub(rf"\1{_MASK}", text)
    for name in _SECRET_VARIABLES:
        value = os.environ.get(name, "")
        if len(value) >= _SHORTEST_SECRET:  # a shorter one would be found in words that are none
            text = text.replace(value, _MASK)
    return text


class RedactingFormatter(logging.Formatter):
    """Formats log records, tracebacks included, without secrets."""

    def format(self, record: logging.LogRecord) -> str:
        """Give the record's text."""
        return redacted(super().format(record))


def has_masked_password(url: str) -> bool:
    """Say whether a URL went through `without_password` and lost a password there."""
    return _MASK in url


def _masked(pair: str) -> str:
    key, equals, _ = pair.partition("=")
    if not pair or (equals and not _SECRET.search(key)):
        return pair
    return f"{key}={_MASK}" if equals else _MASK
