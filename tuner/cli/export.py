"""`tuner export`: the model of a trial as files."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from tuner.cli.options import LedgerUrl, MovedData, OfEpoch, RunsDir, SearchName, TrialNumber


def export(  # noqa: PLR0917 - each is an option by its name
    name: SearchName,
    trial: TrialNumber,
    out: Annotated[Path, typer.Option("--out", help="Folder for the files; made if it does not exist.", metavar="DIR")],
    epoch: OfEpoch = None,
    runs_dir: RunsDir = Path("runs"),
    ledger: LedgerUrl = None,
    data_root: MovedData = None,
) -> None:
    """Write the weights and the configuration of a trial.

    An example beside them loads the model. It needs the package `training` of this project, but no search and no Ray.
    """
    from tuner.export.chosen_model import load_model
    from tuner.export.model_files import write_export

    chosen = load_model(name, trial, runs_dir, ledger, data_root, epoch=epoch)
    paths = write_export(out, chosen.model, chosen.origin)
    typer.echo(chosen.headline)
    for path in paths:
        typer.echo(f"  {path}")
    typer.echo(f"Try it: python {shlex.quote(str(paths[-1]))}")
