"""The files of a front in the folder of its search: front.csv, front.json, front.html, front.png and front.svg.

Importing this module imports matplotlib and plotly.
"""

import csv
import io
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from training.config import BEST_EPOCH, LAST
from tuner.report.analysis.front_data import FrontData
from tuner.report.analysis.front_points import CompletedTrial, Confirmed
from tuner.report.analysis.image_noise import interval
from tuner.report.analysis.text_tables import parameter_names
from tuner.report.figure.front_figure import FrontFigure, front_figure
from tuner.report.image import front_pictures
from tuner.report.text import finite_or_none
from tuner.report.web.page import front_html
from tuner.runs.mirror import write_whole


def write_front_files(folder: Path, data: FrontData, shown: FrontFigure | None = None) -> list[Path]:
    """Write the five files of a front into a folder, create it if needed, and return their paths.

    `shown` is the layout of the data, if it is already known. Each file is replaced in one step: a reader finds the
    old file or the new one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    shown = shown or front_figure(data)
    pictures = front_pictures(data, shown)
    contents = {
        "front.csv": front_csv(data).encode(),
        "front.json": front_json(data).encode(),
        "front.html": front_html(data, shown).encode(),
        **{f"front.{form}": content for form, content in pictures.items()},
    }
    return [write_whole(folder / name, content) for name, content in contents.items()]


def front_csv(data: FrontData) -> str:
    """Return the front as CSV, the best in the first objective first: trial, metrics, parameters, epochs.

    With `select: best` the chosen epoch and the metrics of the last one, `last/NAME`, follow. With `candidates:
    every_evaluation` there is a column `epoch` after that of the trial, and if a point was trained again, a last one
    with the `trainings` over which the metrics are means.
    Numbers are unrounded and in the units of the metrics: accuracies in [0, 1]. The cell of a
    parameter that a trial does not have is empty.
    """
    metrics = data.metric_names
    parameters = parameter_names(data.front)
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    beside = [BEST_EPOCH, *(f"{LAST}{name}" for name in metrics)] if _selects_best(data) else []
    at = ["epoch"] if data.every_epoch else []
    again = ["trainings"] if any(point.repeats for point in data.front) else []
    writer.writerow(["trial", *at, *metrics, *parameters, "epochs", *beside, *again])
    for point in data.front:
        values = [point.parameters.get(name) for name in parameters]
        last = [point.best_epoch, *(point.last.get(name) for name in metrics)] if beside else []
        known = [*(point.metrics[name] for name in metrics), *values, point.epochs, *last]
        writer.writerow([point.number, *([point.epoch] if at else []), *known, *([point.trainings] if again else [])])
    return text.getvalue()


def _selects_best(data: FrontData) -> bool:
    return any(point.best_epoch is not None for point in data.points)


def front_json(data: FrontData) -> str:
    """Return the front, the dominated and confirmed trials, the counts by state and the hypervolume as JSON.

    `intervals` are 95 % intervals of the shares of the validation images, if the number of these is known.
    """
    document = {
        "search": data.search,
        "objectives": [
            {"name": objective.name, "direction": "maximize" if objective.maximise else "minimize"}
            for objective in data.objectives
        ],
        "constraints": [
            {"name": constraint.name, "at_least" if constraint.maximise else "at_most": constraint.limit}
            for constraint in data.constraints
        ],
        "hypervolume": data.hypervolume,
        "reference": data.reference,
        "counts": data.counts,
        "knee": data.knee,
        **({"knee_epoch": data.knee_epoch} if data.every_epoch else {}),
        "front": [_completed(point, data.validation_images) for point in data.front],
        "dominated": [_completed(point, data.validation_images) for point in data.dominated],
        "confirmed": [_confirmed(found) for found in data.confirmed],
    }
    return json.dumps(document, indent=2, allow_nan=False) + "\n"


def _confirmed(found: Confirmed) -> dict[str, Any]:
    """Return a confirmed trial with null for the NaN of a failed attack, since JSON has no NaN."""
    means = {name: finite_or_none(mean) for name, mean in found.means.items()}
    deviations = {name: finite_or_none(deviation) for name, deviation in found.deviations.items()}
    return {**asdict(found), "means": means, "deviations": deviations}


def _completed(point: CompletedTrial, images: int | None) -> dict[str, Any]:
    intervals = {name: interval(name, value, images) for name, value in point.metrics.items()}
    return {
        "trial": point.number,
        **({} if point.epoch is None else {"epoch": point.epoch}),
        "metrics": point.metrics,
        "intervals": {name: found for name, found in intervals.items() if found is not None},
        "parameters": point.parameters,
        "epochs": point.epochs,
        "pareto_rank": point.pareto_rank,
        **({} if point.best_epoch is None else {"best_epoch": point.best_epoch, "last": point.last}),
        **({"repeats": list(point.repeats)} if point.repeats else {}),
    }
