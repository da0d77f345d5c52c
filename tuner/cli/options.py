"""Options that several commands share."""

import math
import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from tuner.errors import UsageError
from tuner.runs.mirror import open_runs


def parse_duration(text: str, option: str = "--time-budget") -> float:
    """Return the seconds of a duration such as 90s, 45m, 12h or 2d; raise UsageError about `option` for all else."""
    units = {"s": 1, "m": 60, "h": 3600, "d": 86400}
    unit = units.get(text[-1:], 0)
    try:
        value = float(text[:-1]) * unit
    except ValueError:
        value = 0
    if not 0 < value < math.inf:
        raise UsageError(f"{option} is {text!r}, but must be a time such as 90s, 45m, 12h or 2d.", option)
    return value


def complete_search(incomplete: str) -> list[str]:
    """Return the searches in TUNER_RUNS_DIR, by default in `runs`, whose names begin with `incomplete`."""
    place = os.environ.get("TUNER_RUNS_DIR", "runs")
    return sorted(
        path.parent.name for path in Path(place).glob("*/space.yaml") if path.parent.name.startswith(incomplete)
    )


def complete_space(incomplete: str) -> list[str]:
    """Return the known spaces whose names begin with `incomplete`."""
    from tuner.space import known_spaces

    return [name for name in known_spaces() if name.startswith(incomplete)]


RunsDir = Annotated[
    Path,
    typer.Option(
        "--runs-dir",
        help="Folder that holds all searches, or s3://BUCKET/PREFIX.",
        envvar="TUNER_RUNS_DIR",
        parser=open_runs,
        metavar="PLACE",
    ),
]
LedgerUrl = Annotated[
    str | None,
    typer.Option(
        "--ledger", help="URL of the ledger's database; default: a file in the search's folder.", envvar="TUNER_LEDGER"
    ),
]
TrackingUri = Annotated[
    str | None,
    typer.Option(
        "--tracking-uri",
        help="Address of MLflow; default: a file in --runs-dir.",
        envvar="MLFLOW_TRACKING_URI",
    ),
]
Concurrency = Annotated[
    int | None,
    typer.Option("--concurrency", min=1, help="Number of trials that run at the same time; default: as many as fit."),
]
GpusPerTrial = Annotated[
    float | None,
    typer.Option("--gpus-per-trial", min=0, help="GPUs for each trial; with 0.25 four trials share a GPU."),
]
CpusPerTrial = Annotated[float | None, typer.Option("--cpus-per-trial", min=0, help="CPU cores for each trial.")]
TimeBudget = Annotated[
    float | None,
    typer.Option(
        "--time-budget",
        help="Stop after this time, such as 90s, 45m, 12h or 2d; --resume continues the search.",
        parser=parse_duration,
        metavar="TIME",
    ),
]
Address = Annotated[
    str | None,
    typer.Option("--address", help="Address of a running Ray cluster: auto or HOST:PORT.", envvar="RAY_ADDRESS"),
]
DataRoot = Annotated[
    Path | None, typer.Option("--data-root", help="Folder of the data sets, also for downloads; default: data.")
]
MovedData = Annotated[
    Path | None,
    typer.Option("--data-root", help="Folder of the data set, if it has been moved since the search."),
]
AcceptChangedCode = Annotated[
    bool, typer.Option("--accept-changed-code", help="Go on although the code of the search's plug-ins has changed.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would run, but write and start nothing.")]
Verbose = Annotated[bool, typer.Option("-v", "--verbose", help="Print a line for every epoch.")]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="Print only the result.")]
SearchName = Annotated[
    str,
    typer.Argument(help="Name of the search; `tuner list` shows them.", metavar="NAME", autocompletion=complete_search),
]

Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Wait = Annotated[bool, typer.Option("--wait/--no-wait", help="Wait for the driver's answer, 20 seconds at most.")]
OfEpoch = Annotated[
    int | None,
    typer.Option(
        "--epoch",
        min=1,
        metavar="E",
        help="The model after this epoch, a point of a search with search.candidates: every_evaluation; default: last.",
    ),
]
TrialNumber = Annotated[int, typer.Argument(help="Number of the trial.", metavar="TRIAL", min=0)]


class Format(StrEnum):
    """The forms in which a command prints its rows."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


OutputFormat = Annotated[Format, typer.Option("--format", help="Form of the output.")]
