"""How a search and its trials look in MLflow: pure functions from values of the ledger to tags, parameters and metrics.

Timestamps and steps come from the ledger, so a value that is written twice is in MLflow once.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass

from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, RunTag

from tuner.ledger import Outcome, TrialRecord
from tuner.pareto.objectives import Objective
from tuner.report.analysis.front_history import HistoryEntry
from tuner.report.analysis.front_points import CompletedTrial
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
FINAL = "final/"
# MLflow shows the metrics of such a name in a section of their own.
DIAGNOSTICS = "diagnostics/"
# The tag by which tables are ordered; downwards the search comes first, then the front, then dominated trials.
PARETO, PARETO_RANK, FRONT_EPOCHS = "pareto", "pareto_rank", "front_epochs"
# The trial whose point a trial trains again with another seed. Such a trial has none of the tags above.
REPEAT_OF = "repeat_of"
OF_SEARCH, OF_FRONT, OF_DOMINATED = "search", "front", "dominated"

_PARAM_LIMIT = 6000
# A trial that a rung stopped did not fail: the tag `outcome` tells it from a completed one.
_STATUS = {Outcome.COMPLETED: "FINISHED", Outcome.STOPPED: "FINISHED", Outcome.FAILED: "FAILED"}
_FOLDERS = {"gradient_norm/": f"{DIAGNOSTICS}gradient_norm_", "diagnostic/": DIAGNOSTICS}
_DIGEST_LIMIT = 36


@dataclass(frozen=True)
class Provenance:
    """Where a search comes from: the digest of its validation split, the git commit of the code, if they are known.

    `runs_flag` is what a command about the search needs beside its name.
    """

    split_digest: str = ""
    commit: str | None = None
    runs_flag: str = ""


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
        **({"reseed": space.search.reseed} if space.reseeds else {}),
        **{f"constraints.{c.name}": f"{'>=' if c.maximise else '<='} {c.limit:g}" for c in space.constraint_list},
        **{f"trial.{key}": value for key, value in space.trial.items()},
        **{
            f"parameters.{name}": " ".join(f"{k}={v}" for k, v in p.model_dump().items())
            for name, p in space.parameters.items()
        },
    }
    return [Param(key, str(value)[:_PARAM_LIMIT]) for key, value in flat.items()]


def epoch_metrics(trial: TrialRecord, after: int) -> list[Metric]:
    """Return the metrics of the epochs later than `after`, with the epoch as step.

    MLflow lists metrics in the order of their first entry, and compares runs by the first one: accuracies come before
    the terms of the loss, and diagnostics last.
    """
    if trial.epochs_trained <= after:
        return []  # do not read the reports of trials that have ended
    return [
        Metric(metric_name(key), value, round(report.time * 1000), report.epoch)
        for report in trial.reports
        if report.epoch > after
        for key, value in sorted(report.metrics.items(), key=lambda item: _place(item[0]))
    ]


def _place(name: str) -> int:
    return 2 if metric_name(name).startswith(DIAGNOSTICS) else int("/" in name)


def metric_name(name: str) -> str:
    """Return the name of a metric in MLflow: what nobody compares lies in the folder of diagnostics."""
    for prefix, folder in _FOLDERS.items():
        if name.startswith(prefix):
            return folder + name.removeprefix(prefix)
    return name


def final_metrics(trial: TrialRecord, criteria: tuple[Objective, ...]) -> list[Metric]:
    """Return the metrics that a child run gets once, at its end; final values only if the trial completed."""
    at = round((trial.ended or 0) * 1000)
    values: dict[str, float] = {"epochs_trained": trial.epochs_trained}
    if trial.outcome is Outcome.COMPLETED:
        values |= {f"{FINAL}{o.name}": trial.last_metrics[o.name] for o in criteria}
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


def pareto_tags(points: Sequence[CompletedTrial]) -> list[RunTag]:
    """Return the tags of a trial by which a filter in MLflow finds the front, from its candidates, one or several.

    If a candidate is an epoch, `front_epochs` has those on the front: they may become none. A repeat is no candidate.
    """
    if points[0].repeat_of is not None:
        return [RunTag(REPEAT_OF, str(points[0].repeat_of))]
    rank = min(point.pareto_rank for point in points)
    tags = {PARETO: OF_FRONT if rank == 0 else OF_DOMINATED, PARETO_RANK: str(rank)}
    if any(point.epoch is not None for point in points):
        tags[FRONT_EPOCHS] = ", ".join(str(point.epoch) for point in points if point.on_front)
    return [RunTag(key, value) for key, value in tags.items()]


def run_status(trial: TrialRecord) -> str | None:
    """Return the status of the run of a trial that has ended; None while the trial runs."""
    return _STATUS.get(trial.outcome)


def source_tags(space: Space, commit: str | None) -> dict[str, str]:
    """Return the tags for MLflow's columns of the source and its version."""
    tags = {"mlflow.source.name": f"tuner run --space {space.name}", "mlflow.source.type": "LOCAL"}
    return {**tags, **({"mlflow.source.git.commit": commit} if commit else {})}


def dataset_input(space: Space, settings: Sequence[Param], split_digest: str) -> DatasetInput | None:
    """Return the data of a run for MLflow's column; None if the settings do not name them.

    The digest is that of the validation split, by which data of the same name are told apart.
    """
    named = {param.key.removeprefix("trial."): param.value for param in settings}
    if "dataset" not in named:
        return None
    place = json.dumps({"uri": str(space.trial.get("data_root", named["dataset"]))})
    data = Dataset(named["dataset"], split_digest[:_DIGEST_LIMIT] or "unknown", "local", place)
    return DatasetInput(data, [InputTag("mlflow.data.context", "training")])


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
