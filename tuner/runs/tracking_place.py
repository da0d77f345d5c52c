"""Where MLflow's store lies by default, and the URL of a database file with its whole path."""

import re
from pathlib import Path

_RELATIVE_FILE = re.compile(r"(sqlite(?:\+\w+)?:///)(?!/|:|file:)([^?]+)(.*)", re.DOTALL)


def default_tracking_uri(runs_dir: Path) -> str:
    """Return the URI of MLflow's SQLite store beside the searches."""
    return f"sqlite:///{runs_dir.resolve() / 'mlflow.db'}"


def absolute(url: str) -> str:
    """Return the URL of a database file with its whole path, and any other URL unchanged."""
    found = _RELATIVE_FILE.fullmatch(url)
    if found is None:
        return url
    scheme, path, query = found.groups()
    return f"{scheme}{Path(path).resolve()}{query}"
