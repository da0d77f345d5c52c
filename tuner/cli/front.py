"""`tuner front`: the Pareto front, the trials that are chosen from it, and several fronts in one figure."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tuner.cli.front_choice import FrontChoice, Knee, Maximums, MaxLoss, Minimums
from tuner.cli.front_rerank import Rerank, Top, require_alone, rerank_front
from tuner.cli.options import Format, LedgerUrl, MovedData, OutputFormat, RunsDir, complete_search
from tuner.errors import UsageError

if TYPE_CHECKING:
    from tuner.report.analysis.front_data import FrontData
    from tuner.report.analysis.selection import Selection
    from tuner.report.figure.comparison import Comparison
    from tuner.report.figure.front_figure import FrontFigure
    from tuner.space import Space


def front(  # noqa: PLR0917 - each is an option by its name
    names: Annotated[
        list[str],
        typer.Argument(
            help="Name of the search, or of several searches to compare; `tuner list` shows them.",
            metavar="NAME...",
            autocompletion=complete_search,
        ),
    ],
    runs_dir: RunsDir = Path("runs"),
    ledger: LedgerUrl = None,
    output: OutputFormat = Format.TABLE,
    minimum: Minimums = None,
    maximum: Maximums = None,
    knee: Knee = False,
    max_loss: MaxLoss = None,
    trial: Annotated[
        int | None,
        typer.Option("--trial", help="Show only this trial, whether it is on the front or not.", metavar="N", min=0),
    ] = None,
    by: Annotated[
        str | None,
        typer.Option("--by", help="Compare the fronts of the values of this parameter.", metavar="PARAMETER"),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="File for the comparison, a page or a picture.", metavar="FILE.html|png|svg"),
    ] = None,
    rerank: Rerank = None,
    top: Top = None,
    data_root: MovedData = None,
) -> None:
    """Show the Pareto front, or trials chosen from it.

    The whole front is also written as front.csv, .json, .html, .png and .svg.

    If no trial meets the choice, the command prints the reason and ends with exit code 1.

    With several searches, or with one search and --by, the command compares fronts instead: in a table, and with --out
    also in a page or a picture.

    Examples:

      tuner front digits_tradeoff-1 --min natural_accuracy=0.9 --knee

      tuner front digits_tradeoff-1 --max-loss 0.01

      tuner front digits_tradeoff-1 digits_tradeoff-2 --out compare.html

      tuner front digits_tradeoff-1 --by bottleneck --out compare.svg

      tuner front digits_tradeoff-1 --rerank autoattack --top 5
    """
    from tuner.confirm.presentation import Use, presentation_of
    from tuner.report.load import load_search

    choice = FrontChoice(tuple(minimum or ()), tuple(maximum or ()), knee, max_loss, trial)
    require_alone(
        rerank,
        {"--top": top, "--data-root": data_root},
        [*choice.given, *(["--by"] if by else []), *(["--out"] if out else [])],
        len(names),
    )
    searches = [load_search(runs_dir, name, ledger) for name in dict.fromkeys(names)]
    if len(searches) > 1 or by is not None:
        if choice.given:
            raise UsageError(f"To compare fronts, leave out {' and '.join(choice.given)}.", choice.given)
        for search in searches:
            presentation_of(search.space).require(Use.COMPARISON, search.data.search)
        _compare_fronts([search.data for search in searches], by, output, out)
        return
    if out is not None:
        raise UsageError(
            f"--out {out} is for a comparison: name several searches, or give --by. A single one has its front.html.",
            "--out",
        )
    space, data = searches[0].space, searches[0].data
    presentation = presentation_of(space)
    if choice.given or rerank is not None:
        presentation.require(Use.CHOICE, data.search)
    if rerank is not None:
        rerank_front(runs_dir, searches[0], rerank, top=top, data_root=data_root, output=output)
        return
    if presentation.has_front:
        if not choice.given:
            from tuner.report.analysis.forecast_check import with_forecast

            data = with_forecast(data, space)
        _show_front(runs_dir / data.search, data, choice, output)
    else:
        _show_confirmation(runs_dir, space, data, output)


def _show_confirmation(runs_dir: Path, space: "Space", data: "FrontData", output: Format) -> None:
    from tuner.confirm.table import confirm_section, confirmation_rows, confirmation_table
    from tuner.runs.mirror import runs_flag

    rows = confirmation_rows(space, data.records)
    if output is Format.TABLE:
        from tuner.report.console.terminal import terminal

        terminal().print(confirmation_table(space, rows))
    else:
        from tuner.report.console.listing import print_rows

        print_rows([asdict(row) for row in rows], output.value)
    command = f"tuner front {confirm_section(space).search}{runs_flag(runs_dir)}"
    note = f"These are accuracies on the test set. To choose a trial use the front of the search: {command}"
    typer.echo(note, err=output is not Format.TABLE)


def _show_front(folder: Path, data: "FrontData", choice: FrontChoice, output: Format) -> None:
    from tuner.report.analysis.selection import choose
    from tuner.report.figure.front_figure import front_figure
    from tuner.runs.mirror import place_of, runs_flag

    selection = choose(data, choice.wish(data))
    # The figure and the files show the whole front, and take longer than a choice from it.
    figure = None if choice.given else front_figure(data)
    # The files are written before anything is printed, because a reader such as `head` may end the printing. An error
    # is raised after it.
    files, write_error = _write_files(folder, data, figure) if figure is not None else ([], None)
    if output is Format.TABLE:
        _print_tables(data, figure, selection)
    else:
        from tuner.report.console.listing import completed_rows, print_rows

        columns = ["trial", *(["epoch"] if data.every_epoch else []), *data.metric_names, "epochs"]
        print_rows(completed_rows(selection.trials, data.criteria), output.value, columns)
        for reason in selection.reasons:
            typer.echo(reason, err=True)
    if write_error is not None:
        raise write_error
    if choice.given and not selection.trials:
        raise typer.Exit(1)
    if output is Format.TABLE:
        for path in files:
            typer.echo(f"  {place_of(path)}")
        if choice.given and len(selection.trials) == 1:
            point, flag = selection.trials[0], runs_flag(folder.parent)
            flag = f"{'' if point.epoch is None else f' --epoch {point.epoch}'}{flag}"
            typer.echo(f"Its model: tuner export {data.search} {point.number}{flag} --out DIR")
            typer.echo(f"Its accuracy on the test set: tuner confirm {data.search} --trial {point.number}{flag}")


def _write_files(folder: Path, data: "FrontData", figure: "FrontFigure") -> tuple[list[Path], UsageError | None]:
    """Write the files of the front; return their paths, or the error if they cannot be written."""
    from tuner.report.front_files import write_front_files
    from tuner.runs.mirror import place_of

    try:
        return write_front_files(folder, data, figure), None
    except OSError as error:
        return [], UsageError(
            f"The files of the front cannot be written to {place_of(folder)} ({error}): check the rights of the folder "
            "and the space on the disk.",
            folder,
        )


def _print_tables(data: "FrontData", figure: "FrontFigure | None", selection: "Selection") -> None:
    """Print the whole front if there is a `figure` of it, and otherwise the selection."""
    from tuner.report.analysis.seed_means import has_seeds
    from tuner.report.console.tables import confirmed_table, front_table, seed_means_table, selection_table
    from tuner.report.console.terminal import print_plot, terminal

    console = terminal()
    if not selection.trials:
        for reason in selection.reasons:
            console.print(reason, markup=False, highlight=False)
    elif figure is None:
        console.print(selection_table(data, selection))
    else:
        console.print(front_table(data))
        if has_seeds(data):
            console.print("Each row is one seed. The means over the seeds:", "", seed_means_table(data))
        print_plot(console, figure)
        if data.confirmed:
            console.print("", confirmed_table(data))


def _compare_fronts(searches: "list[FrontData]", by: str | None, output: Format, out: Path | None) -> None:
    """Print the fronts of several searches side by side, and draw them into the file `out`.

    With `by` it is one search, and each value of that parameter has a front.
    """
    from tuner.report.figure.comparison import by_parameter, compare

    if out is not None and out.suffix not in {".html", ".png", ".svg"}:
        raise UsageError(f"--out is {out}, but must end in .html, .png or .svg.", ("--out", out.suffix))
    title = None
    if by is not None:
        if len(searches) > 1:
            raise UsageError(
                f"--by {by} compares parts of one search, but {len(searches)} are named: name one.", "--by"
            )
        title = f"{searches[0].search} by {by}"
        searches = by_parameter(searches[0], by)
    shown = compare(searches, title, by)
    if output is Format.TABLE:
        from tuner.report.console.rich_table import rich_table
        from tuner.report.console.terminal import terminal

        title = shown.title if by else "Fronts"
        optional = ("Hypervolume", "Front", "Completed")
        terminal().print(rich_table(title, " ".join(shown.notes), shown.table, emphasised="", optional=optional))
    else:
        from tuner.report.console.listing import print_rows

        print_rows(shown.rows, output.value)
        for note in shown.notes:
            typer.echo(note, err=True)
    if out is not None:
        _write_comparison(out, shown)


def _write_comparison(out: Path, shown: "Comparison") -> None:
    if out.suffix == ".html":
        from tuner.report.web.page import comparison_html

        content = comparison_html(shown).encode()
    else:
        from tuner.report.image import comparison_picture

        content = comparison_picture(shown, "png" if out.suffix == ".png" else "svg")
    try:
        out.write_bytes(content)
    except OSError as error:
        raise UsageError(f"--out {out} cannot be written ({error}): choose another place.", out) from error
    typer.echo(f"  {out}", err=True)
