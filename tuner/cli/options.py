"""Options that several commands share."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from tuner.runs.mirror import open_runs

RunsDir = Annotated[
    Path,
    typer.Option(
        "--runs-dir",
        help="Folder of all searches, or s3://BUCKET/PREFIX.",
        envvar="TUNER_RUNS_DIR",
        parser=open_runs,
        metavar="PLACE",
    ),
]
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
Concurrency = Annotated[
    int | None, typer.Option("--concurrency", min=1, help="Trials at once; default: as many as fit.")
]
GpusPerTrial = Annotated[
    float | None, typer.Option("--gpus-per-trial", min=0, help="GPUs of one trial; 0.25: four share one.")
]
CpusPerTrial = Annotated[float | None, typer.Option("--cpus-per-trial", min=0, help="CPU cores of one trial.")]
TimeBudget = Annotated[
    str | None, typer.Option("--time-budget", help="Stop after this time, resumable: 90s, 45m, 12h, 2d.")
]
Address = Annotated[
    str | None, typer.Option("--address", help="An existing Ray cluster: auto or HOST:PORT.", envvar="RAY_ADDRESS")
]
DataRoot = Annotated[
    Path | None, typer.Option("--data-root", help="Where data sets lie or are downloaded to; default: data.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would run; write and start nothing.")]
Verbose = Annotated[bool, typer.Option("-v", "--verbose", help="A line for every epoch.")]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="Print the result only.")]
SearchName = Annotated[str, typer.Argument(help="Name of the search; `tuner list` shows them.", metavar="NAME")]


class Format(StrEnum):
    """How a command prints its rows."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


OutputFormat = Annotated[Format, typer.Option("--format", help="How to print.")]
