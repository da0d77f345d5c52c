"""A table of text cells, before it is drawn anywhere."""

from typing import NamedTuple


class TextTable(NamedTuple):
    """Headings, and rows with a cell for each heading."""

    headings: list[str]
    rows: list[list[str]]
