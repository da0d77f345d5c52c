"""The trial that `tuner export` and `tuner register` are given, and its model."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tuner.errors import UsageError

if TYPE_CHECKING:
    from tuner.export.model_files import Origin
    from tuner.export.trained_model import TrainedModel

TrialNumber = Annotated[int, typer.Argument(help="Number of the trial.", metavar="TRIAL", min=0)]
DataRoot = Annotated[
    Path | None,
    typer.Option("--data-root", help="Folder of the data set, if it has been moved since the search."),
]


def load_model(
    name: str,
    number: int,
    runs_dir: Path,
    ledger: str | None,
    data_root: Path | None,
    *,
    must_be_completed: bool = False,
) -> "tuple[TrainedModel, Origin]":
    """Load the model of a trial and say where it comes from; raise UsageError if that is not possible."""
    from tuner.export.model_files import Origin
    from tuner.export.trained_model import find_trial, load_trained_model
    from tuner.report.analysis.confirmations import best_confirmed
    from tuner.report.load import load_search
    from tuner.report.text import count_of
    from tuner.runs.folder import find_search
    from tuner.runs.mirror import runs_flag

    folder = find_search(runs_dir, name)
    search = load_search(runs_dir, name, ledger)
    record = find_trial(search.trials, number, name)
    if must_be_completed and record.outcome != "completed":
        raise UsageError(
            f"Trial {number} is {record.outcome.value} after {count_of(record.epochs_trained, 'epoch')}, but must be "
            f"completed to be registered. `tuner export {name} {number}{runs_flag(runs_dir)} --out DIR` writes the "
            "weights of any trial."
        )
    model = load_trained_model(folder, search.space, record, data_root)
    search_id = str(folder.frozen()["search_id"])
    return model, Origin.of(name, search_id, search.space, record, best_confirmed(search.data.confirmed, number))


def headline(origin: "Origin") -> str:
    """Return a sentence that says which trial it is and how accurate."""
    from tuner.report.text import count_of, metric_with_unit

    metrics = ", ".join(metric_with_unit(name, value) for name, value in origin.metrics.items())
    epochs = f"{origin.trial.outcome.value} after {count_of(origin.trial.epochs_trained, 'epoch')}"
    return f"Trial {origin.trial.number} of {origin.search}, {epochs}: {metrics} on the validation split."
