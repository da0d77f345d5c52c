"""URLs as they may be shown: a password in one must not reach a terminal, a log or an error message."""

import re


def without_password(url: str) -> str:
    """Give a URL with its password masked, and without its query, where another may stand.

    Goes by punctuation alone, because a URL with a typing error holds a password, too.
    """
    return re.sub(r":(?!//).*@", ":***@", url.partition("?")[0])
