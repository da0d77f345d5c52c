"""`tuner list` and `show`: what the ledger knows."""

import json
from pathlib import Path

import typer

from tuner.cli.options import Format, LedgerUrl, OutputFormat, RunsDir, SearchName
from tuner.cli.reading import keeping_garbage


@keeping_garbage()
def list_searches(
    runs_dir: RunsDir = Path("runs"), ledger: LedgerUrl = None, output: OutputFormat = Format.TABLE
) -> None:
    """List all searches with their state, trials and hypervolume."""
    from tuner.report.console.listing import print_rows
    from tuner.report.load import overview
    from tuner.runs.mirror import place_of

    rows = overview(runs_dir, ledger)
    if not rows and output is Format.TABLE:
        typer.echo(f"No searches in {place_of(runs_dir)} yet. Start one: python -m tuner.run --space digits_tradeoff")
        return
    print_rows(rows, output.value)


@keeping_garbage()
def show(
    name: SearchName,
    runs_dir: RunsDir = Path("runs"),
    ledger: LedgerUrl = None,
    output: OutputFormat = Format.TABLE,
) -> None:
    """Show every trial of a search: parameters, state, accuracies."""
    from tuner.report.analysis.seed_means import has_seeds, seed_means_rows, seed_means_table
    from tuner.report.analysis.tables import trials_table
    from tuner.report.console.listing import print_rows, trial_rows
    from tuner.report.console.terminal import print_plot, terminal
    from tuner.report.figure.front_figure import front_figure
    from tuner.report.load import load_search

    space, trials, data = load_search(runs_dir, name, ledger)
    # A confirmation's figures are of the test set: a front of them would be one to choose from.
    ranked = space.confirm is None
    if output is Format.TABLE:
        console = terminal()
        console.print(trials_table(data, ranked=ranked))
        if ranked:
            print_plot(console, front_figure(data))
        if has_seeds(data):
            console.print("", seed_means_table(data))
    elif output is Format.CSV:
        print_rows(trial_rows(trials, space.objective_list), "csv")
    else:
        volume = data.hypervolume if ranked else None
        shown = {"search": name, "hypervolume": volume, "trials": trial_rows(trials, space.objective_list)}
        if has_seeds(data):
            shown["points"] = seed_means_rows(data)
        typer.echo(json.dumps(shown, indent=2))
