"""`tuner register`: the model of a trial in MLflow's registry."""

from pathlib import Path
from typing import Annotated

import typer

from tuner.cli.options import LedgerUrl, MovedData, OfEpoch, RunsDir, SearchName, TrackingUri, TrialNumber


def register(  # noqa: PLR0917 - each is an option by its name
    name: SearchName,
    trial: TrialNumber,
    model_name: Annotated[
        str | None,
        typer.Option("--as", help="Name of the registered model; default: the name of the search.", metavar="MODEL"),
    ] = None,
    alias: Annotated[str, typer.Option("--alias", help="Alias that points at the new version.")] = "chosen",
    epoch: OfEpoch = None,
    runs_dir: RunsDir = Path("runs"),
    tracking_uri: TrackingUri = None,
    ledger: LedgerUrl = None,
    data_root: MovedData = None,
) -> None:
    """Put a trial's model into MLflow's registry.

    The trial must be completed. The model has its signature and its accuracies there. With --epoch it is the model of
    one epoch, a point of a search with search.candidates: every_evaluation.
    """
    from tuner.export.chosen_model import load_model
    from tuner.redact import without_password
    from tuner.runs.find import find_search
    from tuner.runs.folder import default_tracking_uri
    from tuner.tracking import store
    from tuner.tracking.registry import register_model

    uri = tracking_uri or find_search(runs_dir, name).frozen().get("tracking_uri")
    uri = uri or default_tracking_uri(runs_dir)
    store.require_reachable(uri)
    chosen = load_model(name, trial, runs_dir, ledger, data_root, must_be_completed=True, epoch=epoch)
    entry = register_model(uri, chosen.model, chosen.origin, name=model_name or name, alias=alias)
    typer.echo(chosen.headline)
    was = "was registered already as" if entry.existed else "is now"
    typer.echo(f"It {was} version {entry.version} of {entry.name}, alias {entry.alias}. Load it:")
    typer.echo("  import mlflow")
    typer.echo(f"  mlflow.set_tracking_uri({without_password(uri)!r})")
    typer.echo(f"  model = mlflow.pyfunc.load_model({entry.uri!r})")
