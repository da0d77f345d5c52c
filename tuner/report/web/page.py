"""The front of a search, or of several, as one self-contained page: figures by plotly.js, and tables.

The page holds plotly.js itself, 4.8 MB, because MLflow shows it in a sandboxed frame, often offline.
Its templates, style and scripts lie in `templates/`, beside this file.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from plotly.offline import get_plotlyjs

from tuner.ledger.records import Outcome
from tuner.report.analysis.early_attack import early_attack_note
from tuner.report.analysis.front_data import FrontData
from tuner.report.analysis.noise_notes import noise_notes
from tuner.report.analysis.parameter_effects import importances
from tuner.report.analysis.progress_curves import curves, growth_by_epochs
from tuner.report.analysis.rung_readings import NOTE as NOTE_ON_RUNGS
from tuner.report.analysis.rung_readings import rungs_text_table, silent_rungs
from tuner.report.analysis.text_tables import KNEE_MARK, front_text_table, summary
from tuner.report.commands import epoch_commands, trial_commands
from tuner.report.figure.comparison import Comparison
from tuner.report.figure.confirmed_marks import NOTE, confirmed_text_table
from tuner.report.figure.front_figure import FrontFigure, front_figure, further_figures
from tuner.report.text import TextTable
from tuner.report.web.plotly_front import FONT, NOISE_NOTE, OF_EPOCH, Drawn, colourings, mark_key, plot_front
from tuner.report.web.plotly_search import plot_comparison, plot_curves, plot_growth, plot_importances, plot_parallel
from tuner.report.web.rendering import as_script_data, templates

_TEMPLATES = templates()

# In the templates of commands, where the page's script puts the number of a trial, and an epoch of it.
NUMBER, EPOCH = 987654321, 987654322
SLOTS = {"number": str(NUMBER), "epoch": str(EPOCH)}

# In pixels: the longest names of parallel coordinates stay apart. The margins also hold the bar of colours.
_BETWEEN_COORDINATES, _MARGINS = 125, 260


class Section(NamedTuple):
    """A part of the page: its heading, sentences, a figure with its id and height, and a table.

    A figure is never narrower than `least_width` pixels: in a smaller window it scrolls. `colourings` are the
    parameters by which the reader can colour it. `links` are the marks of the front's figure to which the rows of the
    table lead. A section with `commands` shows the trial that the reader chooses in its figure, with the commands for a
    trial of each outcome.
    """

    heading: str
    notes: Sequence[str] = ()
    figure: Drawn | None = None
    key: str = ""
    height: int = 420
    least_width: int = 0
    table: TextTable | None = None
    colourings: Sequence[dict[str, Any]] = ()
    commands: dict[str, dict[str, str]] | None = None
    links: Sequence[str | int] = ()


def front_html(data: FrontData, shown: FrontFigure | None = None) -> str:
    """Return the page of a search; `shown` is the layout of its front, if it is already known."""
    front = _front(data, shown or front_figure(data))
    below = [*_confirmed(data), *_growth(data), *_curves(data), *_rungs(data), *_parameters(data)]
    return _page(data.search, [front, *_other_pairs(data), _table(data), *below])


def comparison_html(shown: Comparison) -> str:
    """Return the page that overlays several fronts, a colour for each."""
    sections = [
        Section("", shown.figure_notes, plot_comparison(shown), "fronts", 600),
        Section("Searches" if shown.heading == "Search" else shown.heading, shown.notes[:1], table=shown.table),
    ]
    if any(shown.growth.values()):
        sections.append(Section("Hypervolume", figure=plot_growth(shown.growth), key="growth"))
    return _page(shown.title, sections)


def _page(title: str, sections: Sequence[Section]) -> str:
    """Return a page of sections; without a figure it needs no plotly.js and stays small."""
    drawn = any(section.figure is not None for section in sections)
    return _TEMPLATES.get_template("page.html").render(
        font=FONT,
        title=title,
        plotly=get_plotlyjs() if drawn else "",
        sections=sections,
        data=as_script_data,
        slots=SLOTS,
        has_knee=lambda row: any(cell.startswith(KNEE_MARK) for cell in row),
    )


def _front(data: FrontData, shown: FrontFigure) -> Section:
    figure = plot_front(shown) if shown.front or shown.unfinished else None
    noise = [NOISE_NOTE] if any(shown.noise) and shown.front else []
    return Section(
        "",
        (summary(data), *shown.notes, *noise, *shown.outside),
        figure,
        "front",
        600,
        colourings=colourings(shown, figure) if figure else (),
        commands=commands_by_outcome(data),
    )


def commands_by_outcome(data: FrontData) -> dict[str, dict[str, str]]:
    """Return the commands for a trial by its outcome, with a number in the place of the trial's.

    Those for one epoch of a trial are under the name that `plot_front` gives to such marks.
    """
    found = {outcome.value: trial_commands(data.search, NUMBER, outcome, data.runs_flag) for outcome in Outcome}
    return {**found, OF_EPOCH: epoch_commands(data.search, NUMBER, EPOCH, data.runs_flag)}


def _other_pairs(data: FrontData) -> list[Section]:
    """Return a figure for each further pair of objectives, if any trial has values."""
    sections = []
    for index, figure in enumerate(further_figures(data), start=2):
        if figure.front or figure.unfinished:
            heading, drawn = f"{figure.y.label} against {figure.x.label}", plot_front(figure)
            colours = colourings(figure, drawn)
            sections.append(Section(heading, figure.outside, drawn, f"front-{index}", 600, colourings=colours))
    return sections


def _table(data: FrontData) -> Section:
    if not data.front:
        return Section("Pareto front", ("No trial has final values yet.",))
    links = [mark_key(point.number, point.epoch) for point in data.front]
    return Section("Pareto front", noise_notes(data), table=front_text_table(data), links=links)


def _confirmed(data: FrontData) -> list[Section]:
    return [Section("Confirmed on the test set", (NOTE,), table=confirmed_text_table(data))] if data.confirmed else []


def _growth(data: FrontData) -> list[Section]:
    points = growth_by_epochs(data)
    return [Section("Hypervolume", (), plot_growth({data.search: points}), "growth")] if points else []


def _curves(data: FrontData) -> list[Section]:
    found = curves(data)
    if not found:
        return []
    reported = sum(bool(record.reports) for record in data.records)
    notes = ["Trials on the front have the stronger colour. A cross marks where a trial was stopped."]
    notes += early_attack_note(data)
    if len(found) < reported:
        notes.append(f"{len(found)} of {reported} trials: the front first, then others at even distances.")
    names = [objective.name for objective in data.objectives]
    return [Section("Learning curves", notes, plot_curves(found, names), "curves")]


def _rungs(data: FrontData) -> list[Section]:
    if not data.rungs:
        return []
    notes = (NOTE_ON_RUNGS, *silent_rungs(data.rungs).values())
    return [Section("What the rungs say of the end", notes, table=rungs_text_table(data.rungs))]


def _parameters(data: FrontData) -> list[Section]:
    found = importances(data)
    sections = []
    if found:
        note = f"Over {found[0].trials} completed trials: {found[0].measure}. This is a guide, not a proof."
        counts = ", ".join(f"{name} {count}" for name, count in found[0].fewer.items())
        notes = (note, *((f"Among the trials that have the parameter: {counts}.",) if counts else ()))
        sections.append(Section("Importance of each parameter", notes, plot_importances(found), "importance", 360))
    if len(data.points) > 1:
        note = "Completed trials. Drag along an axis to select the lines that cross it there."
        figure = plot_parallel(data)
        width = _MARGINS + _BETWEEN_COORDINATES * (len(figure["data"][0]["dimensions"]) - 1)
        sections.insert(0, Section("Parameters and objectives", (note,), figure, "parallel", least_width=width))
    return sections
