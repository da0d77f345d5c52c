"""The tables of a search on a terminal."""

from rich.console import RenderableType

from tuner.report.analysis.front_data import FrontData
from tuner.report.analysis.noise_notes import noise_notes
from tuner.report.analysis.rung_readings import NOTE as NOTE_ON_RUNGS
from tuner.report.analysis.rung_readings import rungs_text_table, silent_rungs
from tuner.report.analysis.seed_means import seed_means_text_table
from tuner.report.analysis.selection import Selection
from tuner.report.analysis.text_tables import (
    EPOCHS,
    KNEE_MARK,
    count_trials,
    front_text_table,
    last_headings,
    parameter_names,
    summary,
    trials_text_table,
)
from tuner.report.console.rich_table import rich_table
from tuner.report.figure.confirmed_marks import NAMES, NOTE, confirmed_text_table
from tuner.report.text import TextTable


def front_table(data: FrontData) -> RenderableType:
    """Return the Pareto front as a table for a terminal, with notes on its exactness below."""
    optional = [EPOCHS, *last_headings(data)[1:], *parameter_names(data.front)]
    caption = "\n".join([summary(data), *noise_notes(data)])
    return rich_table(f"Pareto front of {data.search}", caption, front_text_table(data), KNEE_MARK, optional)


def selection_table(data: FrontData, selection: Selection) -> RenderableType:
    """Return chosen trials as a table for a terminal, with the reasons for the choice below."""
    title = f"Chosen from {data.search}"
    optional = [EPOCHS, *last_headings(data)[1:], *parameter_names(selection.trials)]
    text_table = front_text_table(data, selection.trials)
    return rich_table(title, "\n".join(selection.reasons), text_table, KNEE_MARK, optional)


def trials_table(data: FrontData, *, ranked: bool = True) -> RenderableType:
    """Return every trial as a table for a terminal; if `ranked`, trials on the front are bold."""
    text_table = trials_text_table(data, ranked=ranked)
    caption = summary(data) if ranked else count_trials(data)
    optional = [EPOCHS, *parameter_names([*data.points, *data.repeats, *data.unfinished])]
    return rich_table(f"Trials of {data.search}", caption, text_table, "front", optional)


def seed_means_table(data: FrontData) -> RenderableType:
    """Return the points of a grid as a table for a terminal."""
    caption = "Mean ± standard deviation (n - 1) of the final values over the seeds of a point."
    return rich_table(f"Points of {data.search}", caption, seed_means_text_table(data), emphasised="")


def rungs_table(data: FrontData) -> RenderableType:
    """Return what the rungs say of the end as a table for a terminal, with the warnings."""
    caption = "\n".join([NOTE_ON_RUNGS, *silent_rungs(data.rungs).values()])
    return rich_table(f"Rungs of {data.search}", caption, rungs_text_table(data.rungs), emphasised="")


def confirmed_table(data: FrontData) -> RenderableType:
    """Return the confirmed trials as a table for a terminal: natural accuracy, PGD, worst over attacks, warnings."""
    shown = (*NAMES.values(), "Worst over attacks")
    names = [name for name in shown if any(name in found.means for found in data.confirmed)]
    whole = confirmed_text_table(data, names)
    by = list(dict.fromkeys(found.confirmation for found in data.confirmed))
    last = -1 if len(by) == 1 else None  # the title has the name of a single confirmation
    text_table = TextTable(whole.headings[:last], [row[:last] for row in whole.rows])
    return rich_table(f"Confirmed by {', '.join(by)}, in per cent", NOTE, text_table, emphasised="")
