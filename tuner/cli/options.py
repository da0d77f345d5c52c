"""Options that several commands share."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

RunsDir = Annotated[Path, typer.Option("--runs-dir", help="Folder of all searches.", envvar="TUNER_RUNS_DIR")]
LedgerUrl = Annotated[
    str | None,
    typer.Option("--ledger", help="Database URL of the ledger, if not the search's own file.", envvar="TUNER_LEDGER"),
]
TrackingUri = Annotated[
    str | None,
    typer.Option(
        "--tracking-uri",
        help="MLflow's address; default: a file in --runs-dir.",
        envvar="MLFLOW_TRACKING_URI",
    ),
]
SearchName = Annotated[str, typer.Argument(help="Name of the search; `tuner list` shows them.", metavar="NAME")]


class Format(StrEnum):
    """How a command prints its rows."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


OutputFormat = Annotated[Format, typer.Option("--format", help="How to print.")]
