"""`tuner confirm`: train chosen trials again with several seeds, and measure them on the test set."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from training.suite_names import SuiteName
from tuner.cli import options
from tuner.cli.front_choice import FrontChoice, Knee, Maximums, MaxLoss, Minimums
from tuner.errors import UsageError


class SelectedEpoch(StrEnum):
    """The epoch whose weights a confirmation measures."""

    LAST = "last"
    BEST = "best"


def _show_attacks(attacks: str | None) -> str | None:
    """Print the names of the attacks for `--attacks help`, which needs no search."""
    if attacks == "help":
        from training.attacks import attack_help

        typer.echo(attack_help())
        raise typer.Exit
    return attacks


def confirm(  # noqa: PLR0917 - each is an option by its name
    search: options.SearchName,
    trials: Annotated[
        list[int] | None,
        typer.Option("--trial", help="Confirm this trial; repeatable; default: all trials of the front."),
    ] = None,
    epoch: Annotated[
        int | None,
        typer.Option(
            "--epoch",
            min=1,
            metavar="E",
            help="Confirm this epoch of the trial, in a search with search.candidates: every_evaluation: train to it "
            "on the schedules of the whole budget; default: its last epoch.",
        ),
    ] = None,
    minimum: Minimums = None,
    maximum: Maximums = None,
    knee: Knee = False,
    max_loss: MaxLoss = None,
    front: Annotated[
        bool, typer.Option("--front", help="Confirm all trials of the front; this is the default.")
    ] = False,
    seeds: Annotated[int, typer.Option("--seeds", min=1, help="Number of seeds with which each trial is trained.")] = 3,
    suite: Annotated[SuiteName, typer.Option("--suite", help="Set of attacks.")] = SuiteName.STANDARD,
    attacks: Annotated[
        str | None,
        typer.Option(
            "--attacks",
            metavar="A,B",
            help="Attacks to use instead of a suite, such as square or 'pgd(steps=50)', torchattacks:NAME(...), or "
            "your own module:attribute; PGD-20 is always among them; 'help' lists the names.",
            callback=_show_attacks,
            is_eager=True,
        ),
    ] = None,
    epsilon: Annotated[
        str | None,
        typer.Option("--epsilon", metavar="E", help="Radius, such as 8/255; default: that of the search."),
    ] = None,
    norm: Annotated[
        str | None,
        typer.Option("--norm", metavar="linf|l2", help="Norm of the balls; default: that of the search."),
    ] = None,
    images: Annotated[
        int, typer.Option("--images", min=0, help="Number of test images, balanced by class; 0: all.")
    ] = 0,
    retrain: Annotated[
        bool,
        typer.Option(
            "--retrain/--no-retrain",
            help="Train again on training and validation images, or measure the weights of the trials themselves.",
        ),
    ] = True,
    select: Annotated[
        SelectedEpoch | None,
        typer.Option(
            "--select",
            help="The epoch that is measured: last; or best, on half of the validation images, and the last one beside "
            "it. Then only training images are trained on. Default: that of the search.",
        ),
    ] = None,
    name: Annotated[str | None, typer.Option("--name", help="Name of the confirmation; default: NAME-confirm.")] = None,
    concurrency: options.Concurrency = None,
    gpus_per_trial: options.GpusPerTrial = None,
    cpus_per_trial: options.CpusPerTrial = None,
    time_budget: options.TimeBudget = None,
    runs_dir: options.RunsDir = Path("runs"),
    tracking_uri: options.TrackingUri = None,
    ledger: options.LedgerUrl = None,
    address: options.Address = None,
    data_root: options.DataRoot = None,
    accept_changed_code: options.AcceptChangedCode = False,
    dry_run: options.DryRun = False,
    verbose: options.Verbose = False,
    quiet: options.Quiet = False,
) -> None:
    """Measure chosen trials on the test set, over several seeds.

    The result has for each attack the mean and the deviation over the seeds.

    Each trial is trained on training and validation images for the whole budget, or to the epoch that is a point of the
    front, with seeds that the search did not use. With --select best the validation images choose the epoch instead. A
    confirmation continues like a search:
    tuner run --resume NAME-confirm.

    Examples:

      tuner confirm digits_tradeoff-1 --suite quick

      tuner confirm cifar10_tradeoff-1 --max-loss 0.01 --seeds 5

      tuner confirm cifar10_tradeoff-1 --trial 7 --no-retrain

      tuner confirm cifar10_tradeoff-1 --knee --attacks square,apgd_t --epsilon 8/255
    """
    from tuner.confirm.attacks import read_attacks, read_epsilon, read_norm
    from tuner.confirm.choice import Choice, choose_trials, confirmation_space
    from tuner.confirm.measurements import count_line, measurements
    from tuner.driver.drive import drive_search
    from tuner.driver.plan import Request, plan_confirmation
    from tuner.report.console.terminal import terminal
    from tuner.report.load import load_search
    from tuner.runs.find import find_search
    from tuner.runs.plug_ins import look_where_recorded, require_unchanged, shared_plug_ins

    from_front = FrontChoice(tuple(minimum or ()), tuple(maximum or ()), knee, max_loss)
    if sum([bool(trials), bool(from_front.given), front]) > 1:
        raise UsageError(
            "--trial, --front and a choice from the front (--min, --max, --knee, --max-loss) exclude each other: "
            "give one.",
            ("--trial", "--front", "--min", "--max", "--knee", "--max-loss"),
        )
    request = Request(
        name=name,
        runs_dir=runs_dir,
        data_root=data_root,
        tracking_uri=tracking_uri,
        ledger=ledger,
        address=address,
        concurrency=concurrency,
        gpus_per_trial=gpus_per_trial,
        cpus_per_trial=cpus_per_trial,
        time_budget_seconds=time_budget,
        verbosity=int(verbose) - int(quiet),
        dry_run=dry_run,
    )
    source = load_search(runs_dir, search, ledger)
    ball = read_norm(norm, epsilon, source.space.shared("norm"))
    radius = read_epsilon(epsilon, ball)
    classes = source.data.classes or 10
    named = read_attacks(attacks, radius or source.space.shared("epsilon"), classes, norm=ball)
    choice = Choice(
        trials=tuple(trials or ()),
        epoch=epoch,
        wish=from_front.wish(source.data),
        seeds=seeds,
        suite=suite,
        images=images,
        retrain=retrain,
        attacks=named,
        epsilon=radius,
        norm=norm,
        select=select,
    )
    chosen = choose_trials(source.trials, source.data, choice)
    folder = find_search(runs_dir, search)
    look_where_recorded(folder)
    space = confirmation_space(source.space, search, folder.frozen()["search_id"], chosen, choice)
    if not accept_changed_code:
        require_unchanged(folder, shared_plug_ins(space, source.space))
    plan = plan_confirmation(request, space, search)
    if not quiet:
        typer.echo(count_line(search, measurements(folder.path)))
    raise typer.Exit(drive_search(plan, request, terminal()).exit_code)
