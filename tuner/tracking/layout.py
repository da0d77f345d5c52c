"""How a search and its trials look in MLflow: pure functions from ledger values to tags, parameters and metrics.

Timestamps and steps come from the ledger, so that writing the same value twice leaves one in MLflow.
"""

from mlflow.entities import Metric, Param, RunTag

from tuner.ledger import Outcome, TrialRecord
from tuner.pareto.objectives import Objective
from tuner.report.analysis.front_data import FrontData, HistoryEntry
from tuner.report.analysis.tables import front_markdown
from tuner.space import Space

SEARCH_ID = "tuner.search_id"
SEARCH_NAME = "tuner.search"
TRIAL = "tuner.trial"
# On a confirmation: the name of the search whose trials it confirms.
CONFIRMS = "tuner.confirms"
EPOCHS_LOGGED = "tuner.epochs_logged"
PARENT = "mlflow.parentRunId"
NOTE = "mlflow.note.content"

_PARAM_LIMIT = 6000
_STATUS = {Outcome.COMPLETED: "FINISHED", Outcome.STOPPED: "KILLED", Outcome.FAILED: "FAILED"}


def trial_parameters(space: Space, trial: TrialRecord) -> list[Param]:
    """Give a child run's parameters: the searched ones first, then the trial's fixed settings."""
    values = {**trial.parameters, **space.trial}
    return [Param(key, str(value)[:_PARAM_LIMIT]) for key, value in values.items()]


def search_parameters(space: Space) -> list[Param]:
    """Give the parent run's parameters: the space, flattened."""
    # Not --trials: MLflow refuses to change a parameter, and an extended search has more of them.
    flat = {
        "sampler": space.search.sampler,
        "seed": space.search.seed,
        "scheduler": space.early_stopping.scheduler,
        "grace_epochs": space.early_stopping.grace_epochs,
        "reduction_factor": space.early_stopping.reduction_factor,
        **{f"trial.{key}": value for key, value in space.trial.items()},
        **{
            f"parameters.{name}": " ".join(f"{k}={v}" for k, v in p.model_dump().items())
            for name, p in space.parameters.items()
        },
    }
    return [Param(key, str(value)[:_PARAM_LIMIT]) for key, value in flat.items()]


def epoch_metrics(trial: TrialRecord, after: int) -> list[Metric]:
    """Give the metrics of the epochs later than `after`, with the epoch as step."""
    if trial.epochs_trained <= after:
        return []  # without reading the reports of every trial that has ended
    return [
        Metric(key, value, round(report.time * 1000), report.epoch)
        for report in trial.reports
        if report.epoch > after
        for key, value in report.metrics.items()
    ]


def final_metrics(trial: TrialRecord, objectives: tuple[Objective, ...]) -> list[Metric]:
    """Give what a child run gets once, at its end; final accuracies only if the trial ran to its end."""
    at = round((trial.ended or 0) * 1000)
    values: dict[str, float] = {"epochs_trained": trial.epochs_trained}
    if trial.outcome is Outcome.COMPLETED:
        values |= {f"final/{o.name}": trial.last_metrics[o.name] for o in objectives}
    return [Metric(key, value, at, 0) for key, value in values.items()]


def end_tags(trial: TrialRecord) -> list[RunTag]:
    """Give the tags of a trial that has ended."""
    tags = {"outcome": trial.outcome.value}
    if trial.outcome is Outcome.STOPPED:
        tags["stopped_at_epoch"] = str(trial.epochs_trained)
    if trial.reports and trial.reports[-1].checkpoint:
        tags["checkpoint"] = trial.reports[-1].checkpoint
    if trial.error:
        tags["error"] = trial.error[-4000:]
    return [RunTag(key, value) for key, value in tags.items()]


def pareto_tags(on_front: bool, rank: int) -> list[RunTag]:
    """Give the tags by which MLflow's filter finds the front."""
    return [RunTag("pareto", "front" if on_front else "dominated"), RunTag("pareto_rank", str(rank))]


def run_status(trial: TrialRecord) -> str | None:
    """Give the status of an ended trial's run; None while it runs."""
    return _STATUS.get(trial.outcome)


def description(front: FrontData, run_id: str) -> str:
    """Give the parent run's description: the front as a table, and its picture as soon as there is one.

    The picture is the run's own artifact, by the address at which MLflow's server gives it, relative to the page, as a
    server may lie below a path. `points` changes with the picture, so that no browser shows an old one. It is the SVG,
    for MLflow shows pictures in their own size and the PNG is wider than its page.
    """
    if not front.points:
        return front_markdown(front)
    address = f"get-artifact?path=front.svg&run_uuid={run_id}&points={len(front.points)}"
    return f"{front_markdown(front)}\n![The front as a picture: front.svg among the artifacts]({address})\n"


def front_metrics(entry: HistoryEntry) -> dict[str, float]:
    """Give the parent run's metrics after one more completed trial."""
    return {
        "hypervolume": entry.hypervolume,
        "front_size": float(entry.front_size),
        **{f"best_{name}": value for name, value in entry.best.items()},
    }
