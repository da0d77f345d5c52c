"""Removes secrets from URLs and texts before they are shown or stored."""

import logging
import os
import re

_MASK = "***"
_SECRET = re.compile(r"pass|pw|secret|token|credential|auth|api_?key|access_?key", re.IGNORECASE)
_PASSWORD = re.compile(r"(://[^\s/:@]*:)[^\s/@]+(?=@)")
# The environment variables by which MLflow, S3 and Ray get secrets. No text of ours may contain their values.
_SECRET_VARIABLES = (
    *("MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"),
    "RAY_AUTH_TOKEN",
)
_SHORTEST_SECRET = 6


def without_password(url: str) -> str:
    """Return a URL with its password masked, whether it stands before the host or in the query.

    The rule is a matter of punctuation only, so that it also masks the password of a URL with a typing error.
    """
    address, mark, query = re.sub(r":(?!//).*@", f":{_MASK}@", url, flags=re.DOTALL).partition("?")
    return address + mark + "&".join(map(_mask_value, query.split("&")))


def redact(text: str) -> str:
    """Return a text in which the passwords of URLs and the values of secret environment variables are masked."""
    text = _PASSWORD.sub(rf"\1{_MASK}", text)
    for name in _SECRET_VARIABLES:
        value = os.environ.get(name, "")
        if len(value) >= _SHORTEST_SECRET:  # a shorter one may be part of an ordinary word
            text = text.replace(value, _MASK)
    return text


class RedactingFormatter(logging.Formatter):
    """Formats log records and their tracebacks without secrets."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the text of the record."""
        return redact(super().format(record))


def has_masked_password(url: str) -> bool:
    """Return whether `without_password` has masked a password in this URL."""
    return _MASK in url


def _mask_value(pair: str) -> str:
    key, equals, _ = pair.partition("=")
    if not pair or (equals and not _SECRET.search(key)):
        return pair
    return f"{key}={_MASK}" if equals else _MASK
