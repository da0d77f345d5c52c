"""The result of a confirmation: mean and standard deviation over the seeds, in the layout of the paper's Table 4."""

import csv
import io
import json
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from training.config import ACCURACY_SUFFIX
from tuner.confirm.as_run import Compared, compared, compared_table
from tuner.ledger import Outcome, TrialRecord
from tuner.report.console.rich_table import rich_table
from tuner.report.text import TextTable, finite_or_none, format_mean, format_value
from tuner.runs.mirror import download, names_in, place_of, write_whole
from tuner.space import STOP_AFTER, Space
from tuner.space.sections import ConfirmSpec

# In a trial's metrics this precedes the name of an attack.
PREFIX = "test/"
WARNINGS = "test_warnings"
_TRIALS_SIDE_BY_SIDE = 4
NATURAL, WORST_CASE = "Natural", "Worst over attacks"
_UNBOUNDED = "CandW"  # the names of metrics hold no "&"
# With `select: best` what is measured of the last epoch has this after its name, and its files end so.
LAST_EPOCH, LAST_FILES = " last epoch", "_last"


@dataclass(frozen=True)
class Row:
    """One confirmed trial: for each attack the accuracy on the test set, in [0, 1], over a number of seeds.

    Attributes:
        trial: the number of the trial in the search that is confirmed.
        epoch: the epoch after which it is measured, on the schedules of the whole budget; None for the end.
        parameters: its searched parameters.
        seeds: how many trainings were measured.
        means: the mean accuracy under each attack.
        deviations: the standard deviation of a sample (n - 1) under each attack, None with a single seed.
        warnings: the number of warnings about the evaluations, summed over the seeds.
        compared: the attacks of Table 2 as torchattacks runs them, with the suite `paper_as_run`.

    """

    trial: int
    parameters: dict[str, Any]
    seeds: int
    means: dict[str, float]
    deviations: dict[str, float | None]
    warnings: int
    compared: tuple[Compared, ...] = ()
    epoch: int | None = None

    @property
    def name(self) -> str:
        """What the row is about: the trial, with its epoch."""
        return f"Trial {self.trial}" if self.epoch is None else f"Trial {self.trial}, epoch {self.epoch}"


def confirmation_rows(space: Space, trials: Sequence[TrialRecord]) -> list[Row]:
    """Average the completed trials of a confirmation. A point without a completed trial has no row."""
    confirm = confirm_section(space)
    rows = []
    for index, number in enumerate(confirm.trials):
        runs = [trial for trial in trials if space.point_index(trial.parameters) == index]
        done = [trial for trial in runs if trial.outcome is Outcome.COMPLETED]
        if done:
            rows.append(_row(number, space.search.points[index], done))
    return rows


def confirm_section(space: Space) -> ConfirmSpec:
    """Return the section `confirm` of a space; raise ValueError if the space has none."""
    if space.confirm is None:
        raise ValueError(f"The space {space.name} has no section `confirm`: it is not a confirmation.")
    return space.confirm


def _row(number: int, parameters: dict[str, Any], runs: Sequence[TrialRecord]) -> Row:
    names = [name.removeprefix(PREFIX) for name in runs[0].last_metrics if name.startswith(PREFIX)]
    values = {name: [run.last_metrics[PREFIX + name] for run in runs] for name in names}
    return Row(
        trial=number,
        parameters=dict(parameters),
        seeds=len(runs),
        means={name: statistics.fmean(found) for name, found in values.items()},
        deviations={name: statistics.stdev(found) if len(found) > 1 else None for name, found in values.items()},
        warnings=round(sum(run.last_metrics[WARNINGS] for run in runs)),
        compared=compared(runs),
        epoch=parameters.get(STOP_AFTER),
    )


def confirmation_text_table(rows: Sequence[Row]) -> TextTable:
    """Return the table in per cent: natural accuracy first, then each attack, then the worst case over the attacks."""
    if not rows:
        return TextTable(["Trial"], [])
    attacks, parameters = list(rows[0].means), list(dict.fromkeys(name for row in rows for name in row.parameters))
    cells = [
        [
            str(row.trial),
            *(format_value(row.parameters.get(name)) for name in parameters),
            *(_cell(row, name) for name in attacks),
            str(row.seeds),
            str(row.warnings),
        ]
        for row in rows
    ]
    return TextTable(["Trial", *parameters, *attacks, "Seeds", "Warnings"], cells)


def confirmation_table(space: Space, rows: Sequence[Row]) -> RenderableType:
    """Return the result for a terminal: a line for each attack, and side by side as many trials as fit 80 columns.

    The parameters of the trials are left out; the files have them.
    """
    confirm = confirm_section(space)
    title = f"Confirmation of {confirm.search}, {attacks_of(confirm)}, {_ball(space)}"
    if not rows:
        return Text(f"{title}: no training has been measured yet.")
    caption = f"Accuracy in per cent on {_measured_on(space)}, mean ± standard deviation over the seeds."
    if any(name.startswith(_UNBOUNDED) for row in rows for name in row.means):
        caption += " C&W looks for the nearest wrong image at any distance, so it is no part of the worst case."
    parts = [rows[start : start + _TRIALS_SIDE_BY_SIDE] for start in range(0, len(rows), _TRIALS_SIDE_BY_SIDE)]
    worst = next((name for name in rows[0].means if name.startswith(WORST_CASE)), WORST_CASE)
    tables = [rich_table(title, caption, _side_by_side(part), emphasised=worst) for part in parts]
    as_run = [rich_table("", "", compared_table(row.name, row.compared), emphasised="") for row in rows if row.compared]
    return Group(*tables, *as_run)


def warning_lines(folder: Path) -> list[str]:
    """Read the warnings from the files of a confirmation's evaluations; return them by its own trials, a line each."""
    lines = []
    for name in names_in(folder / "evaluations"):
        for found in names_in(folder / "evaluations" / name):
            if found.startswith("evaluation"):
                download(folder / "evaluations" / name / found)
    for path in sorted(folder.glob("evaluations/*/evaluation*.json")):
        epoch = "," + LAST_EPOCH if path.stem.endswith(LAST_FILES) else ""
        lines += [f"{path.parent.name} of the confirmation{epoch}: {message}" for message in _messages_in(path)]
    return lines


def _messages_in(path: Path) -> list[str]:
    try:
        return [str(sign["message"]) for sign in json.loads(path.read_text(encoding="utf-8"))["warnings"]]
    except (OSError, ValueError, LookupError, TypeError) as error:  # the table itself is from the ledger
        return [f"its warnings are unknown, because {place_of(path)} cannot be read ({error!r})"]


def attacks_of(confirm: ConfirmSpec) -> str:
    """Return what the models are attacked with, in words: a suite, or named attacks."""
    return f"attacks {', '.join(confirm.attacks)}" if confirm.attacks else f"suite {confirm.suite}"


def _ball(space: Space) -> str:
    """Return norm and radius of a confirmation, its own or those of the search, as `linf epsilon 0.031`."""
    confirm = confirm_section(space)
    epsilon = space.shared("epsilon") if confirm.epsilon is None else confirm.epsilon
    return f"{confirm.norm or space.shared('norm')} epsilon {epsilon:.4g}"


def _measured_on(space: Space) -> str:
    confirm = confirm_section(space)
    images = f"{confirm.images} images of the test set" if confirm.images else "the test set"
    own = "" if confirm.retrain else " with the trials' own weights"
    best = " of the epoch with the best validation accuracy" if space.shared("select") == "best" else ""
    return f"{images}{own}{best}"


def _side_by_side(rows: Sequence[Row]) -> TextTable:
    lines = [[name, *(_cell(row, name) for row in rows)] for name in rows[0].means]
    lines += [["Seeds", *(str(row.seeds) for row in rows)], ["Warnings", *(str(row.warnings) for row in rows)]]
    return TextTable(["", *(row.name for row in rows)], lines)


def confirmation_markdown(space: Space, rows: Sequence[Row]) -> str:
    """Return the result in markdown: a sentence that says what was measured, and the table."""
    confirm, text_table = confirm_section(space), confirmation_text_table(rows)
    lines = _markdown(text_table)
    for row in rows:
        lines += ["", *_markdown(compared_table(row.name, row.compared))] if row.compared else []
    title = (
        f"Confirmation of {confirm.search}: accuracy in per cent on {_measured_on(space)}, {attacks_of(confirm)}, "
        f"{_ball(space)} unless an attack's name says otherwise (C&W: l2, unbounded), latent mean."
    )
    return "\n".join([title, "", *lines, ""])


def _markdown(table: TextTable) -> list[str]:
    cells = (table.headings, ["---:"] * len(table.headings), *table.rows)
    return ["| " + " | ".join(each) + " |" for each in cells]


def write_confirmation(folder: Path, space: Space, rows: Sequence[Row]) -> list[Path]:
    """Write `confirmation.md`, `.csv` and `.json` into a folder and return their paths."""
    confirm, text_table = confirm_section(space), confirmation_text_table(rows)
    table = io.StringIO()
    csv.writer(table, lineterminator="\n").writerows([text_table.headings, *text_table.rows])
    texts = {
        "confirmation.md": "\n".join(
            [confirmation_markdown(space, rows), *(f"- {line}" for line in warning_lines(folder)), ""]
        ),
        "confirmation.csv": table.getvalue(),
        "confirmation.json": json.dumps(
            {**confirm.model_dump(), "select": space.shared("select"), "rows": [_json_row(row) for row in rows]},
            indent=2,
            allow_nan=False,
        )
        + "\n",
    }
    return [write_whole(folder / name, text.encode()) for name, text in texts.items()]


def _json_row(row: Row) -> dict[str, Any]:
    finite = {
        part: {name: finite_or_none(value) for name, value in values.items()}
        for part, values in (("means", row.means), ("deviations", row.deviations))
    }
    return {**asdict(row), **finite}


def _cell(row: Row, name: str) -> str:
    return format_mean(ACCURACY_SUFFIX, row.means[name], row.deviations[name])
