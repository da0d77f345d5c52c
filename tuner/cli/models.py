"""`tuner export` and `tuner register`: what becomes of a chosen trial."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tuner.cli.options import LedgerUrl, RunsDir, SearchName, TrackingUri
from tuner.errors import UsageError

if TYPE_CHECKING:
    from tuner.export.export import Origin
    from tuner.export.trained import TrainedModel

TrialNumber = Annotated[int, typer.Argument(help="Number of the trial.", metavar="TRIAL", min=0)]
DataRoot = Annotated[
    Path | None, typer.Option("--data-root", help="Where the data set lies now, if it has moved since the search.")
]


def export(  # noqa: PLR0917 - each is an option by its name
    name: SearchName,
    trial: TrialNumber,
    out: Annotated[Path, typer.Option("--out", help="Folder to write into.", metavar="DIR")],
    runs_dir: RunsDir = Path("runs"),
    ledger: LedgerUrl = None,
    data_root: DataRoot = None,
) -> None:
    """Write a trial's weights, configuration and an example that loads them, for use without this tool."""
    from tuner.export.export import write_export

    model, origin = _load(name, trial, runs_dir, ledger, data_root)
    paths = write_export(out, model, origin)
    typer.echo(_introduced(origin))
    for path in paths:
        typer.echo(f"  {path}")
    typer.echo(f"Try it: python {paths[-1]}")


def register(  # noqa: PLR0917 - each is an option by its name
    name: SearchName,
    trial: TrialNumber,
    model_name: Annotated[
        str | None, typer.Option("--as", help="Name of the registered model; default: the search's.", metavar="MODEL")
    ] = None,
    alias: Annotated[str, typer.Option("--alias", help="Alias that points at this version.")] = "chosen",
    runs_dir: RunsDir = Path("runs"),
    tracking_uri: TrackingUri = None,
    ledger: LedgerUrl = None,
    data_root: DataRoot = None,
) -> None:
    """Put a completed trial's model into MLflow's registry, with its signature, an example and its accuracies."""
    from tuner.redact import without_password
    from tuner.runs.folder import find_search
    from tuner.runs.tracking_place import default_tracking_uri
    from tuner.tracking import store
    from tuner.tracking.register import register as register_model

    uri = tracking_uri or find_search(runs_dir, name).frozen().get("tracking_uri")
    uri = uri or default_tracking_uri(runs_dir)
    store.require_reachable(uri)
    model, origin = _load(name, trial, runs_dir, ledger, data_root, completed=True)
    made = register_model(uri, model, origin, name=model_name or name, alias=alias)
    typer.echo(_introduced(origin))
    was = "was registered already as" if made.existed else "is now"
    typer.echo(f"It {was} version {made.version} of {made.name}, alias {made.alias}. Load it:")
    typer.echo(f"  mlflow.set_tracking_uri({without_password(uri)!r}); mlflow.pyfunc.load_model({made.uri!r})")


def _load(
    name: str, number: int, runs_dir: Path, ledger: str | None, data_root: Path | None, *, completed: bool = False
) -> "tuple[TrainedModel, Origin]":
    from tuner.export.export import Origin
    from tuner.export.trained import find_trial, load_trained
    from tuner.report.analysis.confirmations import best_confirmed
    from tuner.report.load import load_search
    from tuner.report.text import counted
    from tuner.runs.folder import find_search
    from tuner.runs.mirror import runs_flag

    folder = find_search(runs_dir, name)
    space, trials, data = load_search(runs_dir, name, ledger)
    record = find_trial(trials, number, name)
    if completed and record.outcome != "completed":
        raise UsageError(
            f"Trial {number} is {record.outcome.value} after {counted(record.epochs_trained, 'epoch')}, but must be "
            f"completed to be registered: `tuner export {name} {number}{runs_flag(runs_dir)} --out DIR` writes any "
            "trial's weights."
        )
    model = load_trained(folder, space, record, data_root)
    search_id = str(folder.frozen()["search_id"])
    return model, Origin.of(name, search_id, space, record, best_confirmed(data.confirmed, number))


def _introduced(origin: "Origin") -> str:
    from tuner.report.text import counted, in_a_sentence

    metrics = ", ".join(in_a_sentence(name, value) for name, value in origin.metrics.items())
    epochs = f"{origin.trial.outcome.value} after {counted(origin.trial.epochs_trained, 'epoch')}"
    return f"Trial {origin.trial.number} of {origin.search}, {epochs}: {metrics} on the validation split."
