"""URLs as they may be shown and remembered: whole but for passwords, and the same from every folder."""

import re
from pathlib import Path

_MASK = "***"
_SECRET = re.compile(r"pass|pw|secret|token|credential|auth|api_?key|access_?key", re.IGNORECASE)
_RELATIVE_FILE = re.compile(r"(sqlite(?:\+\w+)?:///)(?!/|:|file:)([^?]+)(.*)", re.DOTALL)


def without_password(url: str) -> str:
    """Give a URL with its password masked, before the host or in the query.

    Goes by punctuation alone, because a URL with a typing error holds a password, too.
    """
    address, mark, query = re.sub(r":(?!//).*@", f":{_MASK}@", url, flags=re.DOTALL).partition("?")
    return address + mark + "&".join(map(_masked, query.split("&")))


def has_masked_password(url: str) -> bool:
    """Say whether a URL went through `without_password` and lost a password there."""
    return _MASK in url


def absolute(url: str) -> str:
    """Give a database file's URL with its whole path, and any other URL as it is."""
    found = _RELATIVE_FILE.fullmatch(url)
    if found is None:
        return url
    scheme, path, query = found.groups()
    return f"{scheme}{Path(path).resolve()}{query}"


def _masked(pair: str) -> str:
    key, equals, _ = pair.partition("=")
    if not pair or (equals and not _SECRET.search(key)):
        return pair
    return f"{key}={_MASK}" if equals else _MASK
