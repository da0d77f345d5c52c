"""`tuner run`: start a search, or resume one."""

import math
from itertools import zip_longest
from pathlib import Path
from typing import Annotated

import typer

from tuner.cli.options import (
    Address,
    Concurrency,
    CpusPerTrial,
    DataRoot,
    DryRun,
    GpusPerTrial,
    LedgerUrl,
    Quiet,
    RunsDir,
    TimeBudget,
    TrackingUri,
    Verbose,
)
from tuner.errors import UsageError

# `--resume` without a name: Click calls for a value that no search can have.
_NEWEST = ""


def run(  # noqa: PLR0917 - each is an option by its name
    space: Annotated[
        str | None, typer.Option("--space", help="Name of a space (`tuner spaces`) or path of a space file.")
    ] = None,
    resume: Annotated[
        str | None,
        typer.Option(
            "--resume",
            help="Continue this search; write --resume= (or end with --resume) for the newest unfinished one.",
            metavar="[NAME]",
        ),
    ] = None,
    name: Annotated[str | None, typer.Option("--name", help="Name of the search; default: SPACE-1, -2, …")] = None,
    resume_or_start: Annotated[
        bool,
        typer.Option(
            "--resume-or-start", help="Continue the search --name if it exists, else start it (for retried jobs)."
        ),
    ] = False,
    trials: Annotated[int | None, typer.Option("--trials", min=1, help="Trials in total.")] = None,
    epochs: Annotated[int | None, typer.Option("--epochs", min=1, help="Epochs a trial may have at most.")] = None,
    seed: Annotated[int | None, typer.Option("--seed", min=0, help="Seed of proposals and trials.")] = None,
    concurrency: Concurrency = None,
    gpus_per_trial: GpusPerTrial = None,
    cpus_per_trial: CpusPerTrial = None,
    time_budget: TimeBudget = None,
    runs_dir: RunsDir = Path("runs"),
    tracking_uri: TrackingUri = None,
    ledger: LedgerUrl = None,
    address: Address = None,
    data_root: DataRoot = None,
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", help="Override a key of the space, repeatable: epsilon=8/255.", metavar="KEY=VALUE"),
    ] = None,
    warm_start: Annotated[
        list[str] | None,
        typer.Option("--warm-start", help="Let the sampler learn from an earlier search, repeatable.", metavar="NAME"),
    ] = None,
    dry_run: DryRun = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Start a search over a space, or continue one.

    Examples:

      tuner run --space digits_tradeoff

      tuner run --space cifar10_tradeoff --trials 64 --gpus-per-trial 0.5 --data-root /data

      tuner run --resume digits_tradeoff-1 --trials 80

      tuner run --space digits_tradeoff --warm-start digits_tradeoff-1
    """
    from tuner.driver.plan import Request, plan_new, plan_resume
    from tuner.driver.progress.pipe_safe_console import ProgressConsole
    from tuner.runs.folder import SearchFolder

    request = Request(
        space=space,
        overrides=tuple(overrides or ()),
        trials=trials,
        epochs=epochs,
        seed=seed,
        gpus_per_trial=gpus_per_trial,
        cpus_per_trial=cpus_per_trial,
        name=name,
        runs_dir=runs_dir,
        data_root=data_root,
        tracking_uri=tracking_uri,
        ledger=ledger,
        address=address,
        concurrency=concurrency,
        time_budget_seconds=None if time_budget is None else seconds(time_budget),
        verbosity=int(verbose) - int(quiet),
        warm_start=tuple(warm_start or ()),
    )
    if resume_or_start:
        if name is None or resume is not None:
            raise UsageError(
                "--resume-or-start needs --name NAME, by which a later start finds the search; no --resume."
            )
        resume = name if SearchFolder(runs_dir / name).space_file.is_file() else None
    elif resume is not None and name is not None:
        raise UsageError("--name names a new search; --resume NAME continues one. Give one of them.")
    plan = plan_new(request) if resume is None else plan_resume(request, resume)
    console = ProgressConsole()
    if dry_run:
        from tuner.driver.progress.dry_run import print_plan

        print_plan(console, plan)
        return
    from tuner.driver.drive import run as drive

    raise typer.Exit(drive(plan, request, console))


def seconds(text: str) -> float:
    """Read a duration such as 90s, 45m, 12h or 2d; raise UsageError for anything else."""
    units = {"s": 1, "m": 60, "h": 3600, "d": 86400}
    unit = units.get(text[-1:], 0)
    try:
        value = float(text[:-1]) * unit
    except ValueError:
        value = 0
    if not 0 < value < math.inf:
        raise UsageError(f"--time-budget is {text!r}, but must be a number with a unit: 90s, 45m, 12h or 2d.")
    return value


def with_resume_value(arguments: list[str]) -> list[str]:
    """Give `--resume` an empty value where the command line names no search after it."""
    completed = []
    for argument, following in zip_longest(arguments, arguments[1:], fillvalue="-"):
        completed.append("--resume=" + _NEWEST if argument == "--resume" and following.startswith("-") else argument)
    return completed
