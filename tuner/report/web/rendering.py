"""How the templates of pages are filled."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from plotly.io.json import to_json_plotly

_FOLDER = Path(__file__).with_name("templates")


def templates(*folders: Path) -> Environment:
    """Return the templates in `folders`, then those of this room."""
    return Environment(
        loader=FileSystemLoader([*folders, _FOLDER]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def as_script_data(value: Any) -> Markup:
    """Return a value as JSON for a script element of a page, which a `<` in a text must not end."""
    return Markup(str(to_json_plotly(value)).replace("<", "\\u003c"))  # noqa: S704 - escaped here
