"""`tuner front`: the Pareto front, what is chosen from it, and several searches in one figure."""

import math
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tuner.cli.compare import compare_fronts, refuse_confirmations
from tuner.cli.options import Format, LedgerUrl, OutputFormat, RunsDir
from tuner.cli.reading import keeping_garbage
from tuner.errors import UsageError

if TYPE_CHECKING:
    from tuner.ledger import TrialRecord
    from tuner.report.analysis.front_data import FrontData
    from tuner.report.analysis.selection import Selection, Wish
    from tuner.report.figure.front_figure import FrontFigure
    from tuner.space import Space


@keeping_garbage()
def front(  # noqa: PLR0917 - each is an option by its name
    names: Annotated[
        list[str],
        typer.Argument(
            help="Name of the search, or of several to compare; `tuner list` shows them.", metavar="NAME..."
        ),
    ],
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
    by: Annotated[
        str | None, typer.Option("--by", help="Compare the fronts of a parameter's values.", metavar="PARAMETER")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Comparison to write, a page or a picture.", metavar="FILE.html|png|svg"),
    ] = None,
) -> None:
    """Show the Pareto front and write front.csv, .json, .html, .png and .svg; or show what is chosen from it.

    Where a choice leaves no trial, the reason is printed and the exit code is 1.

    Several searches, or one --by a parameter, are compared instead: a table, and with --out a page or a picture.

    Examples:

      tuner front digits_tradeoff-1 --min natural_accuracy=0.9 --knee

      tuner front digits_tradeoff-1 --max-loss 0.01

      tuner front digits_tradeoff-1 digits_tradeoff-2 --out compare.html

      tuner front digits_tradeoff-1 --by bottleneck --out compare.svg
    """
    from tuner.report.load import load_search

    loaded = [load_search(runs_dir, name, ledger) for name in dict.fromkeys(names)]
    searches = [data for _, _, data in loaded]
    choosing = bool(minimum) or knee or max_loss is not None or trial is not None
    if len(searches) > 1 or by is not None:
        if choosing:
            raise UsageError("--min, --knee, --max-loss and --trial choose from one front: leave them out to compare.")
        refuse_confirmations([(data.search, space) for space, _, data in loaded])
        compare_fronts(searches, by, output, out)
        return
    if out is not None:
        raise UsageError(
            f"--out {out} is for a comparison: name several searches, or give --by. One search's page is front.html in "
            "its folder."
        )
    space, trials, _ = loaded[0]
    if space.confirm is not None:
        _show_confirmation(space, trials, names[0], output, choosing=choosing)
        return
    _show(runs_dir / searches[0].search, searches[0], output, minimum or [], knee=knee, max_loss=max_loss, trial=trial)


def _show_confirmation(
    space: "Space", trials: "list[TrialRecord]", name: str, output: Format, *, choosing: bool
) -> None:
    """Show a confirmation's table: it has no front, for who chooses by the test set has none left to report."""
    from tuner.confirm.table import confirmation_rows, confirmation_table, confirmed

    search = confirmed(space).search
    if choosing:
        raise UsageError(
            f"{name} is a confirmation: a choice by its figures would be one by the test set. Choose from {search}."
        )
    rows = confirmation_rows(space, trials)
    if output is Format.TABLE:
        from rich.console import Console

        Console().print(confirmation_table(space, rows))
    else:
        from tuner.report.console.listing import print_rows

        print_rows([asdict(row) for row in rows], output.value)
    note = f"These are figures of the test set: choose from the search, tuner front {search}"
    typer.echo(note, err=output is not Format.TABLE)


def _show(
    folder: Path,
    data: "FrontData",
    output: Format,
    minimums: list[str],
    *,
    knee: bool,
    max_loss: float | None,
    trial: int | None,
) -> None:
    from tuner.report.analysis.selection import Wish, choose
    from tuner.report.figure.front_figure import front_figure
    from tuner.runs.mirror import place_of, runs_flag

    wish = _wish(data, minimums, knee=knee, max_loss=max_loss, trial=trial)
    selection = choose(data, wish)
    # Layout and files are of the whole front, and take longer than a choice from it.
    shown = front_figure(data) if wish == Wish() else None
    # Written before anything is printed, which a reader such as `head` may break off; told of after it.
    files, trouble = _written(folder, data, shown) if shown is not None else ([], None)
    if output is Format.TABLE:
        _print(data, shown, selection)
    else:
        from tuner.report.console.listing import completed_rows, print_rows

        columns = ["trial", *(objective.name for objective in data.objectives), "epochs"]
        print_rows(completed_rows(selection.trials, data.objectives), output.value, columns)
        for reason in selection.reasons:
            typer.echo(reason, err=True)
    if trouble is not None:
        raise trouble
    if shown is None and not selection.trials:
        raise typer.Exit(1)
    if output is Format.TABLE:
        for path in files:
            typer.echo(f"  {place_of(path)}")
        if shown is None and len(selection.trials) == 1:
            flag = runs_flag(folder.parent)
            typer.echo(f"Its model: tuner export {data.search} {selection.trials[0].number}{flag} --out DIR")


def _written(folder: Path, data: "FrontData", shown: "FrontFigure") -> tuple[list[Path], UsageError | None]:
    """Write the front's files; give their paths, or why there are none."""
    from tuner.report.front_files import write_front_files
    from tuner.runs.mirror import place_of

    try:
        return write_front_files(folder, data, shown), None
    except OSError as error:
        where = f"{place_of(folder)} ({error})"
        return [], UsageError(f"The files of the front cannot be written to {where}: check its rights and its space.")


def _print(data: "FrontData", shown: "FrontFigure | None", selection: "Selection") -> None:
    from tuner.report.analysis.seed_means import has_seeds, seed_means_table
    from tuner.report.analysis.tables import front_table, selection_table
    from tuner.report.console.terminal import print_plot, terminal
    from tuner.report.figure.confirmed_marks import confirmed_table

    console = terminal()
    if not selection.trials:
        for reason in selection.reasons:
            console.print(reason, markup=False, highlight=False)
    elif shown is None:
        console.print(selection_table(data, selection))
    else:
        console.print(front_table(data))
        if has_seeds(data):
            console.print("Each row is of one seed; means over the seeds:", "", seed_means_table(data))
        print_plot(console, shown)
        if data.confirmed:
            console.print("", confirmed_table(data))


def _wish(data: "FrontData", minimums: list[str], *, knee: bool, max_loss: float | None, trial: int | None) -> "Wish":
    from tuner.report.analysis.selection import Wish

    ways = {"--knee": knee, "--max-loss": max_loss is not None, "--trial": trial is not None}
    given = [way for way, used in ways.items() if used]
    if len(given) > 1:
        raise UsageError(f"{' and '.join(given)} each choose one trial: give one of them.")
    if trial is not None and minimums:
        raise UsageError(f"--trial {trial} chooses whatever its accuracies are: leave --min out.")
    if max_loss is not None:
        _check_max_loss(max_loss, data)
    return Wish(_minimums(minimums, data), knee=knee, max_loss=max_loss, trial=trial)


def _check_max_loss(max_loss: float, data: "FrontData") -> None:
    from tuner.report.text import is_accuracy

    names = [objective.name for objective in data.objectives]
    if len(names) == 1:
        raise UsageError(f"--max-loss needs a second objective to gain in, but {data.search} has {names[0]} alone.")
    highest = 1.0 if is_accuracy(names[0]) else float("inf")
    if not 0 <= max_loss < highest:
        rule = "a share of at least 0 and below 1: 0.01 is one point" if is_accuracy(names[0]) else "at least 0"
        raise UsageError(f"--max-loss is {max_loss:g}, but must be {rule}.")


def _minimums(options: list[str], data: "FrontData") -> dict[str, float]:
    directions = {objective.name: objective.maximise for objective in data.objectives}
    minimums = {}
    for option in options:
        metric, _, text = option.partition("=")
        if metric not in directions:
            raise UsageError(f"--min {option!r}: the metrics of this search are {', '.join(directions)}.")
        if not directions[metric]:
            raise UsageError(
                f"--min {option!r}: {metric} is minimised, and a minimum would keep its worst trials. Set a minimum of "
                "what is maximised, or take the rows that you want from --format json."
            )
        minimums[metric] = _minimum(option, metric, text)
    return minimums


def _minimum(option: str, metric: str, text: str) -> float:
    from tuner.report.text import is_accuracy

    try:
        value = float(text)
    except ValueError as error:
        raise UsageError(f"--min {option!r} must have the form METRIC=VALUE, such as {metric}=0.8.") from error
    if not math.isfinite(value):
        raise UsageError(f"--min {option!r}: {text} is no number to compare with, give one such as {metric}=0.8.")
    if is_accuracy(metric) and not 0 <= value <= 1:
        way = f": write {metric}={value / 100:g} for {value:g} %" if 1 < value <= 100 else f", such as {metric}=0.8"
        raise UsageError(f"--min {option!r}: an accuracy is a share from 0 to 1{way}.")
    return value
