"""A table as text, and how it is drawn on a terminal of any width without losing a number."""

from collections.abc import Callable, Iterable, Sequence
from typing import Literal, NamedTuple

from rich import box
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

_BETWEEN = 2  # characters from column to column
_LEAST_TEXT = 12  # characters to which a column of text may shrink


class Grid(NamedTuple):
    """A table as text: headings, and rows of as many cells."""

    headings: list[str]
    rows: list[list[str]]


def rich_table(title: str, caption: str, grid: Grid, emphasised: str, optional: Sequence[str] = ()) -> RenderableType:
    """Give a grid as a table for a terminal, rows with the cell `emphasised` in bold.

    On a terminal too narrow, columns with the `optional` headings are left out, the last of them first, and the caption
    says so; before that text is broken over lines. Numbers never are: they would be other numbers.
    """
    return _TitledTable(title, caption, grid, emphasised, optional)


def fitting(grid: Grid, width: int, kept: int) -> Grid:
    """Drop columns from the right until a table fits into `width`, the first `kept` and the last one excepted."""
    return _fitted(grid, width, grid.headings[kept:-1], _natural_width)


class _TitledTable:
    """A table with title and caption that knows its width only when it is printed."""

    def __init__(self, title: str, caption: str, grid: Grid, emphasised: str, optional: Sequence[str]) -> None:
        self._title, self._caption, self._grid = title, caption, grid
        self._emphasised, self._optional = emphasised, optional

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        grid = _fitted(self._grid, options.max_width, self._optional, _least_width)
        left_out = [heading for heading in self._grid.headings if heading not in grid.headings]
        note = f"Left out, for it is too narrow here: {', '.join(left_out)}." if left_out else ""
        # Not the table's own title and caption, which a narrow table would break over many lines.
        if self._title:
            yield Text(self._title, style="italic")
        yield from console.render(self._table(grid, options.max_width), options)
        if caption := "\n".join(filter(None, [self._caption, note])):
            yield Text(caption, style="dim italic")

    def _table(self, grid: Grid, width: int) -> Table:
        table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
        columns = _columns(grid)
        for column, its_width in zip(columns, _widths(columns, width), strict=True):
            # Exactly, for rich would take from a number what a heading lacks.
            justify: Literal["left", "right"] = "left" if column.text else "right"
            table.add_column(Text(column.heading), justify=justify, width=its_width, overflow="fold")
        for row in grid.rows:
            # Text, because a parameter's value in brackets would be read as markup.
            table.add_row(*map(Text, row), style="bold" if _has(row, self._emphasised) else None)
        return table


class Column(NamedTuple):
    """One column of a table."""

    heading: str
    cells: Sequence[str]

    @property
    def text(self) -> bool:
        """Whether it holds words, which may be broken over lines, and not numbers."""
        return self.heading in {"State", ""} or not all(map(_is_number, self.cells))


def _fitted(grid: Grid, width: int, optional: Sequence[str], width_of: Callable[[Column], int]) -> Grid:
    """Drop the columns with `optional` headings, the last of these first, until a table fits into `width`."""
    left = [heading for heading in optional if heading in grid.headings]
    while left and _total(map(width_of, _columns(grid))) > width:
        place = grid.headings.index(left.pop())
        rows = [[*row[:place], *row[place + 1 :]] for row in grid.rows]
        grid = Grid([*grid.headings[:place], *grid.headings[place + 1 :]], rows)
    return grid


def _columns(grid: Grid) -> list[Column]:
    return [Column(heading, cells) for heading, *cells in zip(grid.headings, *grid.rows, strict=True)]


def _natural_width(column: Column) -> int:
    return max(map(len, [column.heading, *column.cells]))


def _least_width(column: Column) -> int:
    """Give the width that a column needs when its heading, and its words if it holds any, go over several lines."""
    widest = max(map(len, column.cells), default=1)
    return max(1, min(widest, _LEAST_TEXT) if column.text else widest)


def _total(widths: Iterable[int]) -> int:
    return sum(width + _BETWEEN for width in widths) - _BETWEEN


def _widths(columns: Sequence[Column], width: int) -> list[int]:
    """Give the columns their least widths, and what is left of `width` to those that lack the least, first."""
    widths = [_least_width(column) for column in columns]
    lacking = [_natural_width(column) - least for column, least in zip(columns, widths, strict=True)]
    spare = width - _total(widths)
    for place in sorted(range(len(columns)), key=lambda place: lacking[place]):
        more = max(0, min(lacking[place], spare))
        widths[place] += more
        spare -= more
    return widths


def _is_number(cell: str) -> bool:
    return not any(character.isalpha() for character in cell.replace("e-", "").replace("e+", ""))


def _has(row: Sequence[str], emphasised: str) -> bool:
    return bool(emphasised) and any(cell.startswith(emphasised) for cell in row)
