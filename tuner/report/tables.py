"""Tables of a search: plain rows of text, and what draws them on a terminal and in markdown."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from rich import box
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from tuner.ledger.records import Outcome
from tuner.objectives import within_limits
from tuner.report.effort import evenly
from tuner.report.format import format_metric, format_value, metric_heading
from tuner.report.front_data import CompletedTrial, FrontData, UnfinishedTrial
from tuner.report.selection import Selection

KNEE_MARK = "◆ knee"
BEYOND_MARK = "✗ beyond limit"
# MLflow refuses a description of more than 8,000 characters; the rest of it is the caller's.
MARKDOWN_LIMIT = 7000
_BETWEEN = 2  # characters from column to column
_LEAST_TEXT = 12  # characters to which a column of text may shrink


class Grid(NamedTuple):
    """A table as text: headings, and rows of as many cells."""

    headings: list[str]
    rows: list[list[str]]


def parameter_names(trials: Iterable[CompletedTrial | UnfinishedTrial]) -> list[str]:
    """List the parameters of some trials, each once, in the order in which they first appear."""
    return list(dict.fromkeys(name for trial in trials for name in trial.parameters))


def front_grid(data: FrontData, trials: Sequence[CompletedTrial] | None = None) -> Grid:
    """Tabulate the Pareto front, best first in the first objective, with its knee and what is beyond limits marked;
    or the `trials` given.
    """
    shown = data.front if trials is None else trials
    names = parameter_names(shown)
    metrics = [objective.name for objective in data.objectives]
    headings = ["Trial", *map(metric_heading, metrics), *names, "Epochs", ""]
    rows = [
        [
            str(point.number),
            *(format_metric(name, point.metrics[name]) for name in metrics),
            *(format_value(point.parameters.get(name)) for name in names),
            str(point.epochs),
            _marks(point, data),
        ]
        for point in shown
    ]
    return Grid(headings, rows)


def trials_grid(data: FrontData, *, ranked: bool = True) -> Grid:
    """Tabulate every trial by number; metrics of a trial that did not complete are those it reported last.

    Without being `ranked`, completed trials are called that, and neither front nor dominated.
    """
    trials: list[CompletedTrial | UnfinishedTrial] = [*data.points, *data.stopped]
    trials.sort(key=lambda trial: trial.number)
    names = parameter_names(trials)
    metrics = [objective.name for objective in data.objectives]
    headings = ["Trial", "State", *map(metric_heading, metrics), *names, "Epochs"]
    rows = [
        [
            str(trial.number),
            _state(trial, data, ranked=ranked),
            *(format_metric(name, trial.metrics.get(name)) for name in metrics),
            *(format_value(trial.parameters.get(name)) for name in names),
            str(trial.epochs),
        ]
        for trial in trials
    ]
    return Grid(headings, rows)


def front_table(data: FrontData) -> RenderableType:
    """Give the Pareto front as a table for a terminal."""
    names = parameter_names(data.front)
    return rich_table(f"Pareto front of {data.search}", summary(data), front_grid(data), KNEE_MARK, names)


def selection_table(data: FrontData, selection: Selection) -> RenderableType:
    """Give chosen trials as a table for a terminal, with the reasons for the choice beneath."""
    title = f"Chosen from {data.search}"
    names = parameter_names(selection.trials)
    grid = front_grid(data, selection.trials)
    return rich_table(title, "\n".join(selection.reasons), grid, KNEE_MARK, names)


def trials_table(data: FrontData, *, ranked: bool = True) -> RenderableType:
    """Give every trial as a table for a terminal; those on the front stand out, unless the trials are not `ranked`."""
    grid = trials_grid(data, ranked=ranked)
    counted = ", ".join(f"{count} {outcome}" for outcome, count in data.counts.items() if count)
    caption = summary(data) if ranked else f"Trials: {counted or 'none yet'}."
    return rich_table(
        f"Trials of {data.search}", caption, grid, "front", parameter_names([*data.points, *data.stopped])
    )


def front_markdown(data: FrontData) -> str:
    """Give the Pareto front in markdown, for the description of the search in MLflow.

    A front too long for a description is thinned out evenly, both ends kept, and the text says so.
    """
    grid = front_grid(data)
    if not grid.rows:
        return f"{summary(data)}\n"
    lines = [_markdown_line(row) for row in grid.rows]
    kept = _thinned(lines, MARKDOWN_LIMIT)
    head = [_markdown_line(grid.headings), "|" + "---:|" * len(grid.headings)]
    omitted = len(lines) - len(kept)
    note = [f"\n{omitted} more trials of the front are in `front.csv`."] if omitted else []
    return "\n".join([summary(data), "", *head, *kept, *note, ""])


def summary(data: FrontData) -> str:
    """Sum a search up in a line: its trials by state, the size of its front, its hypervolume."""
    shown = [f"{count} {outcome}" for outcome, count in data.counts.items() if count]
    trials = ", ".join(shown) or "none yet"
    if not data.points:
        return f"Trials: {trials}. No trial has final values yet, so there is no front."
    reference = ", ".join(format_metric(name, value) for name, value in data.reference.items())
    return (
        f"Trials: {trials}. Front: {len(data.front)} of {len(data.points)} completed trials. "
        f"Hypervolume {data.hypervolume:.4f} (reference point {reference})."
    )


def _marks(point: CompletedTrial, data: FrontData) -> str:
    knee = [KNEE_MARK] if point.number == data.knee else []
    return " ".join([*knee, *([] if within_limits(point.metrics, data.objectives) else [BEYOND_MARK])])


def fitting(grid: Grid, width: int, kept: int) -> Grid:
    """Drop columns from the right until a table fits into `width`, the first `kept` and the last one excepted."""
    return _fitted(grid, width, grid.headings[kept:-1], breaking=False)


def _fitted(grid: Grid, width: int, optional: Sequence[str], *, breaking: bool) -> Grid:
    """Drop the columns with `optional` headings, the last one first, until a table fits into `width`.

    With `breaking` headings, which may go over several lines, only the cells have to fit.
    """
    left = [heading for heading in grid.headings if heading in optional]
    while left and _width(grid, breaking=breaking) > width:
        place = grid.headings.index(left.pop())
        rows = [[*row[:place], *row[place + 1 :]] for row in grid.rows]
        grid = Grid([*grid.headings[:place], *grid.headings[place + 1 :]], rows)
    return grid


def _width(grid: Grid, *, breaking: bool) -> int:
    columns = zip(*grid.rows, strict=True) if breaking and grid.rows else zip(grid.headings, *grid.rows, strict=True)
    return sum(max(map(len, column)) + _BETWEEN for column in columns)


def _is_number(cell: str) -> bool:
    return not any(character.isalpha() for character in cell.replace("e-", "").replace("e+", ""))


def _has(row: Sequence[str], emphasised: str) -> bool:
    return bool(emphasised) and any(cell.startswith(emphasised) for cell in row)


def _state(trial: CompletedTrial | UnfinishedTrial, data: FrontData, *, ranked: bool) -> str:
    if isinstance(trial, CompletedTrial):
        if not ranked:
            return Outcome.COMPLETED.value
        beyond = "" if within_limits(trial.metrics, data.objectives) else f" {BEYOND_MARK}"
        return ("front" if trial.on_front else "dominated") + beyond
    return "no final value" if trial.outcome is Outcome.COMPLETED else trial.outcome.value


def rich_table(title: str, caption: str, grid: Grid, emphasised: str, optional: Sequence[str] = ()) -> RenderableType:
    """Give a grid as a table for a terminal, rows with the cell `emphasised` in bold.

    On a terminal too narrow, columns with the `optional` headings are left out, the last one first, and the caption
    says so; then text is broken over lines. Numbers never are: they would be other numbers.
    """
    return _TitledTable(title, caption, grid, emphasised, optional)


class _TitledTable:
    """A table with title and caption that knows its width only when it is printed."""

    def __init__(self, title: str, caption: str, grid: Grid, emphasised: str, optional: Sequence[str]) -> None:
        self._title, self._caption, self._grid = title, caption, grid
        self._emphasised, self._optional = emphasised, optional

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        grid = _fitted(self._grid, options.max_width, self._optional, breaking=True)
        left_out = [heading for heading in self._grid.headings if heading not in grid.headings]
        note = f"Left out, for it is too narrow here: {', '.join(left_out)}." if left_out else ""
        # Not the table's own title and caption, which a narrow table would break over many lines.
        if self._title:
            yield Text(self._title, style="italic")
        yield from console.render(self._table(grid), options)
        if caption := "\n".join(filter(None, [self._caption, note])):
            yield Text(caption, style="dim italic")

    def _table(self, grid: Grid) -> Table:
        table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
        for heading, *cells in zip(grid.headings, *grid.rows, strict=True):
            text = heading in {"State", ""} or not all(map(_is_number, cells))
            width = max(map(len, cells), default=0)
            table.add_column(
                Text(heading),
                justify="left" if text else "right",
                min_width=min(width, _LEAST_TEXT) if text else width,
                overflow="fold",
            )
        for row in grid.rows:
            # Text, because a parameter's value in brackets would be read as markup.
            table.add_row(*map(Text, row), style="bold" if _has(row, self._emphasised) else None)
        return table


def _markdown_line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(" ".join(cell.split()).replace("|", "\\|") for cell in cells) + " |"


def _thinned(lines: list[str], limit: int) -> list[str]:
    """Keep as many evenly spaced lines as fit into `limit` characters."""
    return list(evenly(lines, max(2, limit // (max(map(len, lines)) + 1))))
