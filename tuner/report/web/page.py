"""The front of a search, or of several, as one self-contained page: figures by plotly.js, and tables.

The page holds plotly.js itself, 4.8 MB, because MLflow shows it in a sandboxed frame, often offline.
"""

from collections.abc import Sequence
from html import escape
from string import Template
from typing import NamedTuple

from plotly.io import to_html
from plotly.offline import get_plotlyjs

from tuner.report.analysis.front_data import FrontData
from tuner.report.analysis.importance import importances
from tuner.report.analysis.progress_curves import curves, growth_by_epochs
from tuner.report.analysis.tables import KNEE_MARK, front_grid, summary
from tuner.report.figure.confirmed_marks import NOTE, confirmed_grid
from tuner.report.figure.front_figure import FrontFigure, front_figure
from tuner.report.text_table import Grid
from tuner.report.web.plotly_front import FONT, Drawn, plot_front
from tuner.report.web.plotly_search import plot_curves, plot_growth, plot_importances, plot_parallel

PAGE = Template("""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title>
<style>
body { font-family: $font; color: #1f2933; background: #fff;
       margin: 1.5rem auto; max-width: 75rem; padding: 0 1rem; }
h1 { font-size: 1.4rem; margin: 0; }
h2 { font-size: 1.1rem; }
p { color: #52606d; margin: 0.3rem 0; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: 0.3rem 0.8rem; text-align: right; border-bottom: 1px solid #e4e7eb; white-space: nowrap; }
th { border-bottom: 2px solid #9aa5b1; }
tbody tr:hover { background: #f5f7fa; }
tr.knee { font-weight: 600; }
tr.knee td:last-child { color: #c2410c; text-align: left; }
</style>
<script>$plotly</script>
</head>
<body>
<h1>$title</h1>
$sections
</body>
</html>
""")

# Plotly 7 puts a button into every figure that uploads it; a search is its owner's.
CONFIG = {
    "displaylogo": False,
    "responsive": True,
    "showSendToCloud": False,
    "modeBarButtonsToRemove": ["lasso2d", "select2d"],
}


class Section(NamedTuple):
    """A part of the page: its heading, sentences, a figure with its id and height, and a table."""

    heading: str
    notes: Sequence[str] = ()
    figure: Drawn | None = None
    key: str = ""
    height: int = 420
    grid: Grid | None = None


def front_html(data: FrontData, shown: FrontFigure | None = None) -> str:
    """Write the page of a search; `shown` is the layout of its front, if it is known already."""
    front = _front(data, shown or front_figure(data))
    return page(
        data.search, [front, *_table(data), *_confirmed(data), *_growth(data), *_curves(data), *_parameters(data)]
    )


def page(title: str, sections: Sequence[Section]) -> str:
    """Write a page of sections; without a figure it needs no plotly.js and stays small."""
    drawn = any(section.figure is not None for section in sections)
    return PAGE.substitute(
        font=FONT,
        title=escape(title),
        plotly=get_plotlyjs() if drawn else "",
        sections="\n".join(map(_section, sections)),
    )


def _front(data: FrontData, shown: FrontFigure) -> Section:
    figure = plot_front(shown) if shown.front or shown.unfinished else None
    return Section("", (summary(data), *shown.notes), figure, "front", 600)


def _table(data: FrontData) -> list[Section]:
    if not data.front:
        return [Section("Pareto front", ("No trial has final values yet.",))]
    return [Section("Pareto front", grid=front_grid(data))]


def _confirmed(data: FrontData) -> list[Section]:
    return [Section("Confirmed on the test set", (NOTE,), grid=confirmed_grid(data))] if data.confirmed else []


def _growth(data: FrontData) -> list[Section]:
    points = growth_by_epochs(data)
    return [Section("Hypervolume", (), plot_growth({data.search: points}), "growth")] if points else []


def _curves(data: FrontData) -> list[Section]:
    found = curves(data)
    if not found:
        return []
    reported = sum(bool(record.reports) for record in data.records)
    notes = ["The front's trials are dark; a cross marks where a trial was stopped."]
    if len(found) < reported:
        notes.append(f"{len(found)} of {reported} trials, the front's first, the others evenly chosen.")
    names = [objective.name for objective in data.objectives]
    return [Section("Learning curves", notes, plot_curves(found, names), "curves")]


def _parameters(data: FrontData) -> list[Section]:
    found = importances(data)
    sections = []
    if found:
        note = f"Of {found[0].trials} completed trials: {found[0].measure}. A guide to look at, not a proof."
        sections.append(Section("Importance of each parameter", (note,), plot_importances(found), "importance", 360))
    if len(data.points) > 1:
        note = "Completed trials. Drag along an axis to keep the lines that pass there."
        sections.insert(0, Section("Parameters and accuracies", (note,), plot_parallel(data), "parallel"))
    return sections


def _section(section: Section) -> str:
    parts = [f"<h2>{escape(section.heading)}</h2>"] if section.heading else []
    parts += [f"<p>{escape(note)}</p>" for note in section.notes]
    if section.figure is not None:
        parts.append(
            to_html(
                section.figure,
                full_html=False,
                validate=False,
                include_plotlyjs=False,
                default_height=f"{section.height}px",
                div_id=section.key,
                config=CONFIG,
            )
        )
    if section.grid is not None:
        parts.append(_html_table(section.grid))
    return "\n".join(parts)


def _html_table(grid: Grid) -> str:
    head = "".join(f"<th>{escape(heading)}</th>" for heading in grid.headings)
    body = "\n".join(
        ('<tr class="knee">' if any(cell.startswith(KNEE_MARK) for cell in row) else "<tr>")
        + "".join(f"<td>{escape(cell)}</td>" for cell in row)
        + "</tr>"
        for row in grid.rows
    )
    return f'<div class="scroll">\n<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table>\n</div>'
