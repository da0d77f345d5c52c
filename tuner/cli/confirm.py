"""`tuner confirm`: chosen trials again, with several seeds and strong attacks, on the test set."""

from pathlib import Path
from typing import Annotated, Literal

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
    SearchName,
    TimeBudget,
    TrackingUri,
    Verbose,
)
from tuner.cli.run import seconds
from tuner.errors import UsageError


def confirm(  # noqa: PLR0917 - each is an option by its name
    search: SearchName,
    trials: Annotated[
        list[int] | None, typer.Option("--trial", help="Confirm this trial, repeatable; default: the front.")
    ] = None,
    knee: Annotated[bool, typer.Option("--knee", help="Confirm only the knee of the front.")] = False,
    front: Annotated[bool, typer.Option("--front", help="Confirm the whole front, as without a choice.")] = False,
    seeds: Annotated[int, typer.Option("--seeds", min=1, help="Trainings of each trial.")] = 3,
    suite: Annotated[Literal["quick", "paper", "standard"], typer.Option("--suite", help="The attacks.")] = "standard",
    images: Annotated[int, typer.Option("--images", min=0, help="Of the test set, balanced by class; 0: all.")] = 0,
    retrain: Annotated[
        bool,
        typer.Option(
            "--retrain/--no-retrain",
            help="Train again on training and validation data, or measure the trials' own weights.",
        ),
    ] = True,
    name: Annotated[str | None, typer.Option("--name", help="Name of the confirmation; default: NAME-confirm.")] = None,
    concurrency: Concurrency = None,
    gpus_per_trial: GpusPerTrial = None,
    cpus_per_trial: CpusPerTrial = None,
    time_budget: TimeBudget = None,
    runs_dir: RunsDir = Path("runs"),
    tracking_uri: TrackingUri = None,
    ledger: LedgerUrl = None,
    address: Address = None,
    data_root: DataRoot = None,
    dry_run: DryRun = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Measure chosen trials of a search on the test set: mean and standard deviation over seeds, by attack.

    Trains on training and validation data for the whole budget, with seeds that the search did not use. A
    confirmation is resumed like a search: tuner run --resume NAME-confirm.

    Examples:

      tuner confirm digits_tradeoff-1 --suite quick

      tuner confirm cifar10_tradeoff-1 --knee --seeds 5

      tuner confirm cifar10_tradeoff-1 --trial 7 --no-retrain
    """
    from rich.console import Console

    from tuner.confirm.choice import Choice, chosen_trials, confirmation_space
    from tuner.driver.plan import Request, plan_confirmation
    from tuner.report.load import load_search
    from tuner.space import space_from_mapping

    request = Request(
        name=name,
        runs_dir=runs_dir,
        tracking_uri=tracking_uri,
        ledger=ledger,
        address=address,
        concurrency=concurrency,
        time_budget_seconds=None if time_budget is None else seconds(time_budget),
        verbosity=int(verbose) - int(quiet),
    )
    source, recorded, data = load_search(runs_dir, search, ledger)
    if sum([bool(trials), knee, front]) > 1:
        raise UsageError("--trial, --knee and --front are three choices: give one of them, or none for the front.")
    choice = Choice(trials=tuple(trials or ()), knee=knee, seeds=seeds, suite=suite, images=images, retrain=retrain)
    chosen = chosen_trials(recorded, data, choice)
    space = confirmation_space(source, search, chosen, choice)
    resources = {"gpus_per_trial": gpus_per_trial, "cpus_per_trial": cpus_per_trial}
    mapping = space.model_dump(mode="json")
    mapping["resources"] |= {name: value for name, value in resources.items() if value is not None}
    if data_root is not None:
        mapping["trial"]["data_root"] = str(data_root)
    space = space_from_mapping(mapping, f"the confirmation of {search}")
    plan = plan_confirmation(request, space, search)
    console = Console()
    if dry_run:
        from tuner.driver.progress.dry_run import print_plan

        print_plan(console, plan)
        return
    from tuner.driver.drive import run as drive

    raise typer.Exit(drive(plan, request, console))
