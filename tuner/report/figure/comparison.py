"""Several fronts in one figure: those of several searches, or of one search by the values of a parameter."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from training.config import IDLE_KEYS, MEASUREMENT_KEYS
from tuner.errors import UsageError
from tuner.ledger.records import TrialRecord
from tuner.report.analysis.front_data import FrontData, front_data
from tuner.report.analysis.progress_curves import GrowthPoint, growth_by_epochs
from tuner.report.analysis.published import PUBLISHED_NOTE, PublishedPoint, measured_with, published_points
from tuner.report.analysis.seed_means import MeanMark, mean_marks
from tuner.report.figure.appearance import PALETTE
from tuner.report.figure.front_figure import Axis, FrontFigure, front_figure
from tuner.report.text import TextTable, format_metric, format_value, format_volume, metric_heading

MOST_PARTS = len(PALETTE)
# Fronts have final values, which no key decides that is about the evaluations before the last epoch.
_OF_FINAL_VALUES = [key for key in MEASUREMENT_KEYS if key not in {*IDLE_KEYS, "eval_early_attack_steps"}]
_SEEDS_NOTE = (
    "Points with bars are means ± standard deviation over the seeds; lines connect them in the order of the grid."
)
_BEST_NOTE = "Each objective has its best value on the front. The best values may come from different trials."
_SINGLE_SEEDS_NOTE = "Best values, front and hypervolume are those of single seeds; the figure shows their means."


@dataclass(frozen=True, slots=True)
class Comparison:
    """Fronts on common axes, by name. `heading` says what the names are, `notes` what makes the comparison unfair.

    `rows` are the table as plain values, in the units of the metrics. `figure_notes` are about the fronts in the
    figure; `published` are the paper's points beside them.
    """

    title: str
    heading: str
    x: Axis
    y: Axis
    fronts: dict[str, FrontFigure]
    growth: dict[str, Sequence[GrowthPoint]]
    table: TextTable
    rows: tuple[dict[str, Any], ...]
    notes: tuple[str, ...]
    figure_notes: tuple[str, ...]
    published: tuple[PublishedPoint, ...]


def compare(searches: Sequence[FrontData], title: str | None = None, by: str | None = None) -> Comparison:
    """Return several fronts on axes that hold all of them, with `title` or their names as the title.

    `by` is the parameter if the fronts are those of its values in one search. Raise UsageError if their objectives
    differ, or if there are more fronts than colours.
    """
    if len(searches) > MOST_PARTS:
        raise UsageError(f"{len(searches)} searches, but a figure has {MOST_PARTS} colours: name fewer.", len(searches))
    _require_same_objectives(searches)
    searches = _named_apart(searches)
    x, y = _axes(searches)
    fronts = {data.search: front_figure(data, (x.limits, y.limits)) for data in searches}
    published = tuple(dict.fromkeys(point for front in fronts.values() for point in front.published))
    differences, rows = _differences(searches), _rows(searches, by)
    seeds = [_SEEDS_NOTE] if any(front.means for front in fronts.values()) else []
    return Comparison(
        title=title or ", ".join(fronts),
        heading=by or "Search",
        x=x,
        y=y,
        fronts=fronts,
        growth={data.search: growth_by_epochs(data) for data in searches},
        table=_text_table(rows, [objective.name for objective in searches[0].objectives], by),
        rows=rows,
        notes=(" ".join([_BEST_NOTE, *([_SINGLE_SEEDS_NOTE] if seeds else [])]), *differences),
        figure_notes=(*seeds, *_pair_note(searches[0]), *differences, *((PUBLISHED_NOTE,) if published else ())),
        published=published,
    )


def by_parameter(data: FrontData, name: str) -> list[FrontData]:
    """Return a search for each value of a parameter, in sorted order, with the front of the trials that have it.

    Raise UsageError if no trial has this parameter, or if it has too many values.
    """
    parts: dict[Any, list[TrialRecord]] = {}
    for record in data.records:
        if name in record.parameters:
            parts.setdefault(record.parameters[name], []).append(record)
    if not parts:
        known = sorted({key for record in data.records for key in record.parameters})
        raise UsageError(f"--by {name}: the parameters are {', '.join(known) or 'none yet'}.", ("--by", name))
    if len(parts) > MOST_PARTS:
        raise UsageError(
            f"--by {name} has {len(parts)} values, but a figure has colours for {MOST_PARTS}: choose one with fewer.",
            ("--by", name),
        )
    values = sorted(parts, key=lambda value: (isinstance(value, str), value))
    return [
        front_data(
            f"{name} {shown}",
            parts[value],
            data.objectives,
            data.reference,
            {**data.setting, name: value},
            constraints=data.constraints,
            every_epoch=data.every_epoch,
            reseeds=bool(data.repeats),
        )
        for value, shown in zip(values, _told_apart(values), strict=True)
    ]


def _told_apart(values: Sequence[Any]) -> list[str]:
    """Return values as text, with all digits if some would look equal."""
    shown = [format_value(value) for value in values]
    return shown if len(set(shown)) == len(shown) else [repr(value) for value in values]


def _named_apart(searches: Sequence[FrontData]) -> list[FrontData]:
    """Add numbers to searches of the same name: a figure tells them apart by name only."""
    counts: Counter[str] = Counter()
    apart = []
    for data in searches:
        counts[data.search] += 1
        repeated = counts[data.search] > 1
        apart.append(replace(data, search=f"{data.search} ({counts[data.search]})") if repeated else data)
    return apart


def _rows(searches: Sequence[FrontData], by: str | None) -> tuple[dict[str, Any], ...]:
    """Return a row of plain values for each search.

    The hypervolume and the `best` of an objective are None before a trial has completed.
    """
    nothing = {objective.name: None for objective in searches[0].objectives}
    return tuple(
        {
            by or "search": data.search if by is None else data.search.removeprefix(f"{by} "),
            "completed": len(data.points),
            "trials": len(data.records),
            "front": len(data.front),
            "hypervolume": data.hypervolume if data.points else None,
            "best": data.history[-1].best if data.history else nothing,
            "epochs": sum(record.epochs_trained for record in data.records),
        }
        for data in searches
    )


def _text_table(rows: Sequence[dict[str, Any]], metrics: Sequence[str], by: str | None) -> TextTable:
    cells = [
        [
            row[by or "search"],
            f"{row['completed']} of {row['trials']}",
            str(row["front"]),
            format_value(None) if row["hypervolume"] is None else format_volume(row["hypervolume"]),
            *(format_metric(name, row["best"][name]) for name in metrics),
            str(row["epochs"]),
        ]
        for row in rows
    ]
    headings = [by or "Search", "Completed", "Front", "Hypervolume", *map(metric_heading, metrics), "Epochs"]
    return TextTable(headings, cells)


def _require_same_objectives(searches: Sequence[FrontData]) -> None:
    first = searches[0]
    for other in searches[1:]:
        if _objectives(other) != _objectives(first):
            raise UsageError(
                f"{first.search} optimises {_objectives(first)}, but {other.search} {_objectives(other)}: "
                "only searches with the same objectives have a common figure.",
                (first.search, other.search),
            )


def _objectives(data: FrontData) -> str:
    return ", ".join(f"{o.name} ({'maximised' if o.maximise else 'minimised'})" for o in data.objectives)


def _axes(searches: Sequence[FrontData]) -> tuple[Axis, Axis]:
    """Return axes for all that is drawn: completed trials, published points near them, and means with their bars."""
    points, candidates = (
        tuple(p for data in searches for p in getattr(data, part)) for part in ("points", "candidates")
    )
    # Unfinished and confirmed trials are not drawn, so the axes need not hold them.
    drawn = [replace(data, points=points, candidates=candidates, unfinished=(), confirmed=()) for data in searches]
    settings = {published_points(data.setting, data.objectives): data for data in drawn}
    figures = [front_figure(data) for data in settings.values()]
    means = [mean for data in searches for mean in mean_marks(data)]
    return _holding([figure.x for figure in figures], means, 0), _holding([figure.y for figure in figures], means, 1)


def _holding(axes: Sequence[Axis], means: Sequence[MeanMark], direction: int) -> Axis:
    ends = [mean.place[direction] + sign * mean.deviations[direction] for mean in means for sign in (-1, 1)]
    lows, highs = zip(*(axis.limits for axis in axes), strict=True)
    return Axis(axes[0].label, (min([*lows, *ends]), max([*highs, *ends])))


def _differences(searches: Sequence[FrontData]) -> tuple[str, ...]:
    notes = []
    measured = {data.search: _measured_with(data) for data in searches}
    for key in _OF_FINAL_VALUES:
        values = {name: setting[key] for name, setting in measured.items()}
        if len(set(values.values())) > 1:
            shown = ", ".join(f"{format_value(value)} in {name}" for name, value in values.items())
            notes.append(f"Measured differently: {key} is {shown}.")
    references = {tuple(data.reference.items()) for data in searches}
    if len(references) > 1:
        notes.append("The hypervolumes have different reference points and do not compare.")
    if len({tuple((c.name, c.maximise, c.limit) for c in data.criteria) for data in searches}) > 1:
        notes.append("The searches have different limits, and each looked for trials within its own.")
    return tuple(notes)


def _pair_note(data: FrontData) -> list[str]:
    """Return the note about objectives that the figure has no axis for; nothing if there are none."""
    if len(data.objectives) <= 2:
        return []
    names = " and ".join(objective.name for objective in data.objectives[:2])
    rule = "points are the fronts of all objectives, the lines the best that they reach in the two"
    return [f"The axes show {names}, 2 of {len(data.objectives)} objectives; {rule}."]


def _measured_with(data: FrontData) -> dict[str, Any]:
    """Return the measurement keys of a search; if presets are searched, those of any trial, which measure alike."""
    searched = data.records[0].parameters if data.records else {}
    return measured_with({**searched, **data.setting})
