"""`tuner list`, `show` and `front`: what the ledger knows."""

import json
from pathlib import Path
from typing import Annotated

import typer

from tuner.cli.options import Format, LedgerUrl, OutputFormat, RunsDir, SearchName
from tuner.errors import UsageError


def list_searches(
    runs_dir: RunsDir = Path("runs"), ledger: LedgerUrl = None, output: OutputFormat = Format.TABLE
) -> None:
    """List all searches with their state, trials and hypervolume."""
    from tuner.overview import overview
    from tuner.report.listing import print_rows

    rows = overview(runs_dir, ledger)
    if not rows and output is Format.TABLE:
        typer.echo(f"No searches in {runs_dir} yet. Start one: python -m tuner.run --space digits_tradeoff")
        return
    print_rows(rows, output.value)


def show(
    name: SearchName,
    runs_dir: RunsDir = Path("runs"),
    ledger: LedgerUrl = None,
    output: OutputFormat = Format.TABLE,
) -> None:
    """Show every trial of a search: parameters, state, accuracies."""
    from rich.console import Console

    from tuner.overview import load_search
    from tuner.report.listing import print_rows, trial_rows
    from tuner.report.seed_means import has_seeds, seed_means_rows, seed_means_table
    from tuner.report.tables import trials_table

    space, trials, data = load_search(runs_dir, name, ledger)
    if output is Format.TABLE:
        Console().print(trials_table(data))
        if has_seeds(data):
            Console().print("", seed_means_table(data))
    elif output is Format.CSV:
        print_rows(trial_rows(trials, space.objective_list), "csv")
    else:
        shown = {"search": name, "hypervolume": data.hypervolume, "trials": trial_rows(trials, space.objective_list)}
        if has_seeds(data):
            shown["points"] = seed_means_rows(data)
        typer.echo(json.dumps(shown, indent=2))


def front(  # noqa: PLR0917 - each is an option by its name
    name: SearchName,
    runs_dir: RunsDir = Path("runs"),
    ledger: LedgerUrl = None,
    output: OutputFormat = Format.TABLE,
    minimum: Annotated[
        list[str] | None,
        typer.Option("--min", help="Keep trials with at least this, repeatable.", metavar="METRIC=VALUE"),
    ] = None,
    knee: Annotated[bool, typer.Option("--knee", help="Only the knee of the front.")] = False,
) -> None:
    """Show the Pareto front, and write front.csv, .json, .html and .png into the search's folder."""
    from rich.console import Console

    from tuner.overview import load_search
    from tuner.report.files import write_front_files
    from tuner.report.listing import front_rows, print_rows
    from tuner.report.selection import select_front
    from tuner.report.tables import front_table

    _, _, data = load_search(runs_dir, name, ledger)
    files = write_front_files(runs_dir / name, data)
    selected = select_front(data, _minimums(minimum or [], list(data.reference)), knee=knee)
    if output is not Format.TABLE:
        print_rows(front_rows(selected), output.value)
        return
    console = Console()
    if not data.front:
        typer.echo("No trial has completed yet.")
    elif knee and data.knee is None:
        typer.echo("A front of fewer than 3 different points has no knee.")
    elif not selected.front:
        typer.echo("No trial of the front meets this.")
    else:
        console.print(front_table(selected))
    for path in files:
        typer.echo(f"  {path}")


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
