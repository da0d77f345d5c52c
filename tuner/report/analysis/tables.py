"""Tables of a search: plain rows of text, and what draws them on a terminal and in markdown."""

from collections.abc import Iterable, Sequence

from rich.console import RenderableType

from tuner.ledger.records import Outcome
from tuner.pareto.objectives import within_limits
from tuner.report.analysis.front_data import CompletedTrial, FrontData, UnfinishedTrial
from tuner.report.analysis.progress_curves import evenly
from tuner.report.analysis.selection import Selection
from tuner.report.text import format_metric, format_value, metric_heading
from tuner.report.text_table import Grid, rich_table

EPOCHS = "Epochs"
KNEE_MARK = "◆ knee"
BEYOND_MARK = "✗ beyond limit"
# MLflow refuses a description of more than 8,000 characters; the rest of it is the caller's.
MARKDOWN_LIMIT = 7000


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
    headings = ["Trial", *map(metric_heading, metrics), *names, EPOCHS, ""]
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
    headings = ["Trial", "State", *map(metric_heading, metrics), *names, EPOCHS]
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
    optional = [EPOCHS, *parameter_names(data.front)]
    return rich_table(f"Pareto front of {data.search}", summary(data), front_grid(data), KNEE_MARK, optional)


def selection_table(data: FrontData, selection: Selection) -> RenderableType:
    """Give chosen trials as a table for a terminal, with the reasons for the choice beneath."""
    title = f"Chosen from {data.search}"
    optional = [EPOCHS, *parameter_names(selection.trials)]
    grid = front_grid(data, selection.trials)
    return rich_table(title, "\n".join(selection.reasons), grid, KNEE_MARK, optional)


def trials_table(data: FrontData, *, ranked: bool = True) -> RenderableType:
    """Give every trial as a table for a terminal; those on the front stand out, unless the trials are not `ranked`."""
    grid = trials_grid(data, ranked=ranked)
    counted = ", ".join(f"{count} {outcome}" for outcome, count in data.counts.items() if count)
    caption = summary(data) if ranked else f"Trials: {counted or 'none yet'}."
    optional = [EPOCHS, *parameter_names([*data.points, *data.stopped])]
    return rich_table(f"Trials of {data.search}", caption, grid, "front", optional)


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
    if point.number == data.knee:
        return KNEE_MARK
    return "" if within_limits(point.metrics, data.objectives) else BEYOND_MARK


def _state(trial: CompletedTrial | UnfinishedTrial, data: FrontData, *, ranked: bool) -> str:
    if isinstance(trial, CompletedTrial):
        if not ranked:
            return Outcome.COMPLETED.value
        beyond = "" if within_limits(trial.metrics, data.objectives) else f" {BEYOND_MARK}"
        return ("front" if trial.on_front else "dominated") + beyond
    return "no final value" if trial.outcome is Outcome.COMPLETED else trial.outcome.value


def _markdown_line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(" ".join(cell.split()).replace("|", "\\|") for cell in cells) + " |"


def _thinned(lines: list[str], limit: int) -> list[str]:
    """Keep as many evenly spaced lines as fit into `limit` characters."""
    return list(evenly(lines, max(2, limit // (max(map(len, lines)) + 1))))
