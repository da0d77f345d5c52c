"""Tables of a search: plain rows of text, and what draws them on a terminal and in markdown."""

from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

import numpy as np
from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from tuner.ledger.records import Outcome
from tuner.objectives import within_limits
from tuner.report.format import format_metric, format_value, metric_heading
from tuner.report.front_data import CompletedTrial, FrontData, UnfinishedTrial
from tuner.report.selection import Selection

KNEE_MARK = "◆ knee"
BEYOND_MARK = "✗ beyond limit"
# MLflow refuses a description of more than 8,000 characters; the rest of it is the caller's.
MARKDOWN_LIMIT = 7000


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


def front_table(data: FrontData, *, caption: str | None = None, width: int | None = None) -> RenderableType:
    """Give the Pareto front as a table for a terminal; `caption` takes the place of the search's summary.

    Parameters that do not fit into `width` are left out.
    """
    shown = summary(data) if caption is None else caption
    grid = front_grid(data)
    if width is not None:
        grid = fitting(grid, width, kept=1 + len(data.objectives))
    return rich_table(f"Pareto front of {data.search}", shown, grid, emphasised=KNEE_MARK)


def selection_table(data: FrontData, selection: Selection) -> RenderableType:
    """Give chosen trials as a table for a terminal, with the reasons for the choice beneath."""
    title = f"Chosen from {data.search}"
    return rich_table(title, "\n".join(selection.reasons), front_grid(data, selection.trials), emphasised=KNEE_MARK)


def trials_table(data: FrontData, *, ranked: bool = True) -> RenderableType:
    """Give every trial as a table for a terminal; those on the front stand out, unless the trials are not `ranked`."""
    grid = trials_grid(data, ranked=ranked)
    counted = ", ".join(f"{count} {outcome}" for outcome, count in data.counts.items() if count)
    caption = summary(data) if ranked else f"Trials: {counted or 'none yet'}."
    return rich_table(f"Trials of {data.search}", caption, grid, emphasised="front")


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
    widths = [max(map(len, column)) for column in zip(grid.headings, *grid.rows, strict=True)]
    columns = list(range(len(widths)))
    while sum(widths[column] + 2 for column in columns) > width and len(columns) > kept + 1:
        columns.pop(-2)
    rows = [[row[column] for column in columns] for row in grid.rows]
    return Grid([grid.headings[column] for column in columns], rows)


def _state(trial: CompletedTrial | UnfinishedTrial, data: FrontData, *, ranked: bool) -> str:
    if isinstance(trial, CompletedTrial):
        if not ranked:
            return Outcome.COMPLETED.value
        beyond = "" if within_limits(trial.metrics, data.objectives) else f" {BEYOND_MARK}"
        return ("front" if trial.on_front else "dominated") + beyond
    return "no final value" if trial.outcome is Outcome.COMPLETED else trial.outcome.value


def rich_table(title: str, caption: str, grid: Grid, emphasised: str) -> RenderableType:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    for heading, *cells in zip(grid.headings, *grid.rows, strict=True):
        # On a narrow terminal headings break over lines; numbers never do.
        width = max(map(len, cells), default=None)
        justify: Literal["left", "right"] = "left" if heading in {"State", ""} else "right"
        table.add_column(Text(heading), justify=justify, min_width=width, overflow="fold")
    for row in grid.rows:
        # Text, because a parameter's value in brackets would be read as markup.
        table.add_row(*map(Text, row), style="bold" if emphasised in row else None)
    # Not the table's own title and caption, which a narrow table would break over many lines.
    return Group(Text(title, style="italic"), table, Text(caption, style="dim italic"))


def _markdown_line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _thinned(lines: list[str], limit: int) -> list[str]:
    """Keep as many evenly spaced lines as fit into `limit` characters."""
    fitting = max(2, limit // (max(map(len, lines)) + 1))
    if len(lines) <= fitting:
        return lines
    return [lines[index] for index in np.linspace(0, len(lines) - 1, fitting).round().astype(int)]
