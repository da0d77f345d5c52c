"""`tuner run`: start a search, or resume one."""

from itertools import zip_longest
from pathlib import Path
from typing import Annotated

import typer

from tuner.cli import options

# The value of `--resume` without a name. Click asks for a value, and no search can have this one as its name.
_NEWEST = ""


def run(  # noqa: PLR0917 - each is an option by its name
    space: Annotated[
        str | None,
        typer.Option(
            "--space",
            help="Name of a space (`tuner spaces` lists them), or path of a space file.",
            autocompletion=options.complete_space,
        ),
    ] = None,
    resume: Annotated[
        str | None,
        typer.Option(
            "--resume",
            help="Continue this search; --resume= without a name continues the newest unfinished one.",
            metavar="[NAME]",
            autocompletion=options.complete_search,
        ),
    ] = None,
    name: Annotated[str | None, typer.Option("--name", help="Name of the search; default: SPACE-1, -2, …")] = None,
    resume_or_start: Annotated[
        bool,
        typer.Option(
            "--resume-or-start", help="Continue the search --name if it exists, or start it if not; for retried jobs."
        ),
    ] = False,
    trials: Annotated[int | None, typer.Option("--trials", min=1, help="Number of trials.")] = None,
    epochs: Annotated[int | None, typer.Option("--epochs", min=1, help="Largest number of epochs of a trial.")] = None,
    seed: Annotated[int | None, typer.Option("--seed", min=0, help="Seed of the proposals and of the trials.")] = None,
    concurrency: options.Concurrency = None,
    gpus_per_trial: options.GpusPerTrial = None,
    cpus_per_trial: options.CpusPerTrial = None,
    time_budget: options.TimeBudget = None,
    runs_dir: options.RunsDir = Path("runs"),
    tracking_uri: options.TrackingUri = None,
    ledger: options.LedgerUrl = None,
    address: options.Address = None,
    data_root: options.DataRoot = None,
    overrides: Annotated[
        list[str] | None,
        typer.Option(
            "--set", help="Change a key of the space, such as epsilon=8/255; repeatable.", metavar="KEY=VALUE"
        ),
    ] = None,
    warm_start: Annotated[
        list[str] | None,
        typer.Option(
            "--warm-start", help="Let the sampler learn from this earlier search; repeatable.", metavar="NAME"
        ),
    ] = None,
    accept_changed_code: options.AcceptChangedCode = False,
    dry_run: options.DryRun = False,
    verbose: options.Verbose = False,
    quiet: options.Quiet = False,
) -> None:
    """Start a search over a space, or continue one.

    Examples:

      tuner run --space digits_tradeoff

      tuner run --space cifar10_tradeoff --trials 64 --gpus-per-trial 0.5 --data-root /data

      tuner run --resume digits_tradeoff-1 --trials 80

      tuner run --space digits_tradeoff --warm-start digits_tradeoff-1
    """
    from tuner.driver.drive import drive_search
    from tuner.driver.plan import Request, plan_search
    from tuner.report.console.terminal import terminal

    request = Request(
        space=space,
        resume=resume,
        resume_or_start=resume_or_start,
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
        time_budget_seconds=time_budget,
        verbosity=int(verbose) - int(quiet),
        dry_run=dry_run,
        warm_start=tuple(warm_start or ()),
        accept_changed_code=accept_changed_code,
    )
    raise typer.Exit(drive_search(plan_search(request), request, terminal()).exit_code)


def with_resume_value(arguments: list[str]) -> list[str]:
    """Return the arguments with an empty value for a `--resume` that no name follows."""
    completed = []
    for argument, following in zip_longest(arguments, arguments[1:], fillvalue="-"):
        completed.append("--resume=" + _NEWEST if argument == "--resume" and following.startswith("-") else argument)
    return completed
