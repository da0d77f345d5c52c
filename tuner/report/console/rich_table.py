"""Tables on a terminal of any width: text may be broken over lines, numbers never."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from rich import box
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from tuner.report.text import TextTable

_BETWEEN = 2  # characters from column to column
_LEAST_TEXT = 12  # characters to which a column of text may shrink
_LEAST_HEADING = 6  # characters to which the longest word of a heading may shrink: else a heading reads downwards


def rich_table(
    title: str, caption: str, table: TextTable, emphasised: str, optional: Sequence[str] = ()
) -> RenderableType:
    """Return a table for a terminal; rows with the cell `emphasised` are bold.

    If the terminal is too narrow, text is broken over lines. If that is not enough, columns with `optional` headings
    are left out, the last one first, and the caption says so. A number is never broken: it would read as another one.
    """
    return _TitledTable(title, caption, table, emphasised, optional)


def drop_columns(table: TextTable, width: int, kept: int) -> TextTable:
    """Drop columns from the right until the table fits into `width`, but not the first `kept` and the last one."""
    return _fitted(table, width, table.headings[kept:-1], _natural_width)


@dataclass(frozen=True)
class _TitledTable:
    """A table with a title and a caption, laid out when it is printed, since its width is known only then."""

    title: str
    caption: str
    whole: TextTable
    emphasised: str
    optional: Sequence[str]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        table = _fitted(self.whole, options.max_width, self.optional, _least_width)
        left_out = [heading for heading in self.whole.headings if heading not in table.headings]
        note = f"Left out, because the terminal is too narrow: {', '.join(left_out)}." if left_out else ""
        # Not as the table's own title and caption: a narrow table would break these over many lines.
        if self.title:
            yield Text(self.title, style="italic")
        yield from console.render(self._table(table, options.max_width), options)
        if caption := "\n".join(filter(None, [self.caption, note])):
            yield Text(caption, style="dim italic")

    def _table(self, table: TextTable, width: int) -> Table:
        drawn = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
        columns = _columns(table)
        for column, its_width in zip(columns, _widths(columns, width), strict=True):
            # An exact width: rich would shorten a number to make room for a heading.
            justify: Literal["left", "right"] = "left" if column.text else "right"
            drawn.add_column(Text(column.heading), justify=justify, width=its_width, overflow="fold")
        for row in table.rows:
            # As Text: rich would read a parameter value in brackets as markup.
            drawn.add_row(*map(Text, row), style="bold" if _has(row, self.emphasised) else None)
        return drawn


class Column(NamedTuple):
    """One column of a table."""

    heading: str
    cells: Sequence[str]

    @property
    def text(self) -> bool:
        """Whether the column holds words, which may be broken over lines, and not numbers."""
        return self.heading in {"State", ""} or not all(map(_is_number, self.cells))


def _fitted(table: TextTable, width: int, optional: Sequence[str], width_of: Callable[[Column], int]) -> TextTable:
    """Drop columns with `optional` headings, the last one first, until the table fits into `width`."""
    left = [heading for heading in optional if heading in table.headings]
    while left and _total(map(width_of, _columns(table))) > width:
        place = table.headings.index(left.pop())
        rows = [[*row[:place], *row[place + 1 :]] for row in table.rows]
        table = TextTable([*table.headings[:place], *table.headings[place + 1 :]], rows)
    return table


def _columns(table: TextTable) -> list[Column]:
    return [Column(heading, cells) for heading, *cells in zip(table.headings, *table.rows, strict=True)]


def _natural_width(column: Column) -> int:
    return max(map(len, [column.heading, *column.cells]))


def _least_width(column: Column) -> int:
    """Return the width of a column whose heading and words are broken over several lines."""
    widest = max(map(len, column.cells), default=1)
    word = max(map(len, column.heading.split()), default=1)
    return max(min(word, _LEAST_HEADING), min(widest, _LEAST_TEXT) if column.text else widest)


def _total(widths: Iterable[int]) -> int:
    return sum(width + _BETWEEN for width in widths) - _BETWEEN


def _widths(columns: Sequence[Column], width: int) -> list[int]:
    """Return the widths of columns: their least widths, and the rest of `width` to those that need the least first."""
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
