"""How a search and its trials look in MLflow: pure functions from values of the ledger to tags, parameters and metrics.

Timestamps and steps come from the ledger, so a value that is written twice is in MLflow once.
"""

import math
from collections.abc import Sequence

from mlflow.entities import Metric, Param, RunTag

from tuner.ledger import Outcome, TrialRecord
from tuner.pareto.objectives import Objective
from tuner.report.analysis.front_data import FrontData, HistoryEntry
from tuner.search.forecast.rung_quality import RungQuality
from tuner.space import Space

SEARCH_ID = "tuner.search_id"
SEARCH_NAME = "tuner.search"
TRIAL = "tuner.trial"
# The name of the search that a confirmation confirms.
CONFIRMS = "tuner.confirms"
EPOCHS_LOGGED = "tuner.epochs_logged"
PARENT = "mlflow.parentRunId"
NOTE = "mlflow.note.content"

_PARAM_LIMIT = 6000
_STATUS = {Outcome.COMPLETED: "FINISHED", Outcome.STOPPED: "KILLED", Outcome.FAILED: "FAILED"}


def trial_parameters(space: Space, trial: TrialRecord) -> list[Param]:
    """Return the parameters of a child run: first the searched ones, then the other settings of the trial.

    A searched parameter with a name of its own is there under its key, too: several of them may set one key.
    """
    values = {**trial.parameters, **space.given_keys(trial.parameters)}
    return [Param(key, str(value)[:_PARAM_LIMIT]) for key, value in values.items()]


def search_parameters(space: Space) -> list[Param]:
    """Return the parameters of the parent run: the space as a flat mapping."""
    # The number of trials is left out: MLflow refuses to change a parameter, and more trials extend a search.
    flat = {
        "sampler": space.search.sampler,
        "seed": space.search.seed,
        "scheduler": space.early_stopping.scheduler,
        "grace_epochs": space.early_stopping.grace_epochs,
        "reduction_factor": space.early_stopping.reduction_factor,
        **{f"constraints.{c.name}": f"{'>=' if c.maximise else '<='} {c.limit:g}" for c in space.constraint_list},
        **{f"trial.{key}": value for key, value in space.trial.items()},
        **{
            f"parameters.{name}": " ".join(f"{k}={v}" for k, v in p.model_dump().items())
            for name, p in space.parameters.items()
        },
    }
    return [Param(key, str(value)[:_PARAM_LIMIT]) for key, value in flat.items()]


def epoch_metrics(trial: TrialRecord, after: int) -> list[Metric]:
    """Return the metrics of the epochs later than `after`, with the epoch as step."""
    if trial.epochs_trained <= after:
        return []  # do not read the reports of trials that have ended
    return [
        Metric(key, value, round(report.time * 1000), report.epoch)
        for report in trial.reports
        if report.epoch > after
        for key, value in report.metrics.items()
    ]


def final_metrics(trial: TrialRecord, criteria: tuple[Objective, ...]) -> list[Metric]:
    """Return the metrics that a child run gets once, at its end; final values only if the trial completed."""
    at = round((trial.ended or 0) * 1000)
    values: dict[str, float] = {"epochs_trained": trial.epochs_trained}
    if trial.outcome is Outcome.COMPLETED:
        values |= {f"final/{o.name}": trial.last_metrics[o.name] for o in criteria}
    return [Metric(key, value, at, 0) for key, value in values.items()]


def end_tags(trial: TrialRecord) -> list[RunTag]:
    """Return the tags of a trial that has ended."""
    tags = {"outcome": trial.outcome.value}
    if trial.outcome is Outcome.STOPPED:
        tags["stopped_at_epoch"] = str(trial.epochs_trained)
    if trial.reports and trial.reports[-1].checkpoint:
        tags["checkpoint"] = trial.reports[-1].checkpoint
    if trial.error:
        tags["error"] = trial.error[-4000:]
    return [RunTag(key, value) for key, value in tags.items()]


def pareto_tags(on_front: bool, rank: int) -> list[RunTag]:
    """Return the tags by which a filter in MLflow finds the front."""
    return [RunTag("pareto", "front" if on_front else "dominated"), RunTag("pareto_rank", str(rank))]


def run_status(trial: TrialRecord) -> str | None:
    """Return the status of the run of a trial that has ended; None while the trial runs."""
    return _STATUS.get(trial.outcome)


def with_picture(table: str, front: FrontData, run_id: str) -> str:
    """Return the description of the parent run `run_id`: the front as a `table` in markdown, and as a picture.

    The picture is an artifact of the run. Its address is relative to the page, because a server may lie below a path.
    `points` changes with the picture, so that no browser shows an old one. It is the SVG file, because MLflow shows
    pictures in their own size and the PNG file is wider than the page.
    """
    if not front.points:
        return table
    address = f"get-artifact?path=front.svg&run_uuid={run_id}&points={len(front.points)}"
    return f"{table}\n![The front as a picture: front.svg among the artifacts]({address})\n"


def rung_metrics(rungs: Sequence[RungQuality], at: int | None) -> list[Metric]:
    """Return the metrics of the parent run that say how well each rung says the end; the step is the trials checked.

    Their names have no slash, because MLflow shows charts with one above all others, and the hypervolume last.
    """
    return [
        Metric(f"rung_{rung.epoch}_{rung.metric}_{name}", value, at or 0, rung.trials)
        for rung in rungs
        for name, value in (
            ("rank_correlation", rung.raw),
            ("rank_correlation_of_forecast", rung.correlation),
            ("inside_80_percent", rung.inside),
        )
        if math.isfinite(value)
    ]


def growth_metrics(history: Sequence[HistoryEntry], after: int) -> list[Metric]:
    """Return the metrics of the parent run for the entries later than `after`, with the number of entries as step."""
    return [
        Metric(key, value, round(entry.ended * 1000), step)
        for step, entry in list(enumerate(history, start=1))[after:]
        for key, value in (
            ("hypervolume", entry.hypervolume),
            ("front_size", float(entry.front_size)),
            *((f"best_{name}", best) for name, best in entry.best.items()),
        )
    ]
