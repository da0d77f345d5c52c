"""`tuner front`: the Pareto front, what is chosen from it, and several searches in one figure."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tuner.cli.options import Format, LedgerUrl, OutputFormat, RunsDir
from tuner.errors import UsageError

if TYPE_CHECKING:
    from tuner.report.front_data import FrontData
    from tuner.report.selection import Selection, Wish


def front(  # noqa: PLR0917 - each is an option by its name
    name: Annotated[str, typer.Argument(help="Name of the search; `tuner list` shows them.", metavar="NAME")],
    runs_dir: RunsDir = Path("runs"),
    ledger: LedgerUrl = None,
    output: OutputFormat = Format.TABLE,
    minimum: Annotated[
        list[str] | None,
        typer.Option("--min", help="Keep trials with at least this, repeatable.", metavar="METRIC=VALUE"),
    ] = None,
    knee: Annotated[bool, typer.Option("--knee", help="Only the knee of the front, the best compromise.")] = False,
    max_loss: Annotated[
        float | None,
        typer.Option(
            "--max-loss",
            help="Only the most robust trial that loses at most this of the best natural accuracy; 0.01: one point.",
            metavar="SHARE",
        ),
    ] = None,
    trial: Annotated[
        int | None, typer.Option("--trial", help="Only this trial, on the front or not.", metavar="N", min=0)
    ] = None,
) -> None:
    """Show the Pareto front, or what is chosen from it, and write front.csv, .json, .html and .png.

    Examples:

      tuner front digits_tradeoff-1 --min natural_accuracy=0.9 --knee

      tuner front digits_tradeoff-1 --max-loss 0.01
    """
    from tuner.overview import load_search
    from tuner.report.files import write_front_files
    from tuner.report.selection import choose

    _, _, data = load_search(runs_dir, name, ledger)
    wish = _wish(data, minimum or [], knee=knee, max_loss=max_loss, trial=trial)
    selection = choose(data, wish)
    files = write_front_files(runs_dir / name, data)
    if output is Format.TABLE:
        _print(data, selection)
        for path in files:
            typer.echo(f"  {path}")
        if selection.reasons and len(selection.trials) == 1:
            typer.echo(f"Its model: tuner export {name} {selection.trials[0].number} --out DIR")
    else:
        from tuner.report.listing import completed_rows, print_rows

        print_rows(completed_rows(selection.trials), output.value)
        for reason in selection.reasons:
            typer.echo(reason, err=True)


def _print(data: "FrontData", selection: "Selection") -> None:
    from rich.console import Console

    from tuner.report.tables import front_table, selection_table

    console = Console()
    if not selection.trials:
        for reason in selection.reasons:
            console.print(reason, markup=False, highlight=False)
    elif selection.reasons:
        console.print(selection_table(data, selection))
    else:
        console.print(front_table(data))


def _wish(data: "FrontData", minimums: list[str], *, knee: bool, max_loss: float | None, trial: int | None) -> "Wish":
    from tuner.report.selection import Wish

    ways = {"--knee": knee, "--max-loss": max_loss is not None, "--trial": trial is not None}
    given = [way for way, used in ways.items() if used]
    if len(given) > 1:
        raise UsageError(f"{' and '.join(given)} each choose one trial: give one of them.")
    if trial is not None and minimums:
        raise UsageError(f"--trial {trial} chooses whatever its accuracies are: leave --min out.")
    if max_loss is not None:
        _check_max_loss(max_loss, data)
    return Wish(_minimums(minimums, list(data.reference)), knee=knee, max_loss=max_loss, trial=trial)


def _check_max_loss(max_loss: float, data: "FrontData") -> None:
    from tuner.report.format import is_accuracy

    names = [objective.name for objective in data.objectives]
    if len(names) == 1:
        raise UsageError(f"--max-loss needs a second objective to gain in, but {data.search} has {names[0]} alone.")
    highest = 1.0 if is_accuracy(names[0]) else float("inf")
    if not 0 <= max_loss < highest:
        rule = "a share of at least 0 and below 1: 0.01 is one point" if is_accuracy(names[0]) else "at least 0"
        raise UsageError(f"--max-loss is {max_loss:g}, but must be {rule}.")


def _minimums(options: list[str], metrics: list[str]) -> dict[str, float]:
    minimums = {}
    for option in options:
        metric, _, text = option.partition("=")
        if metric not in metrics:
            raise UsageError(f"--min {option!r}: the metrics of this search are {', '.join(metrics)}.")
        try:
            minimums[metric] = float(text)
        except ValueError as error:
            raise UsageError(f"--min {option!r} must have the form METRIC=VALUE, such as {metric}=0.8.") from error
    return minimums
