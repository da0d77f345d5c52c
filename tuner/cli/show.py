"""`tuner show`: every trial of a search."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tuner.cli.options import Format, LedgerUrl, OutputFormat, RunsDir, SearchName
from tuner.errors import UsageError

if TYPE_CHECKING:
    from tuner.report.load import ForeignTrial, LoadedSearch


def show(
    name: SearchName,
    runs_dir: RunsDir = Path("runs"),
    ledger: LedgerUrl = None,
    output: OutputFormat = Format.TABLE,
    trial: Annotated[
        int | None, typer.Option("--trial", min=0, help="Show one trial, with the reason of each decision on it.")
    ] = None,
) -> None:
    """Show every trial of a search, or one in detail."""
    from tuner.confirm.presentation import presentation_of
    from tuner.report.analysis.forecast_check import with_forecast
    from tuner.report.analysis.noise_notes import noise_notes
    from tuner.report.analysis.seed_means import has_seeds, seed_means
    from tuner.report.console.listing import print_rows, trial_rows
    from tuner.report.console.tables import rungs_table, seed_means_table, trials_table
    from tuner.report.console.terminal import print_plot, terminal
    from tuner.report.figure.front_figure import front_figure
    from tuner.report.load import load_search

    search = load_search(runs_dir, name, ledger)
    if trial is not None:
        _show_trial(name, search, trial, output)
        return
    space, trials, data = search.space, search.trials, search.data
    has_front = presentation_of(space).has_front
    epochs = data.front_epochs if data.every_epoch else None
    if output is Format.TABLE:
        console = terminal()
        console.print(trials_table(data, ranked=has_front))
        if has_front:
            print_plot(console, front_figure(data))
        if has_seeds(data):
            console.print("", seed_means_table(data))
        checked = with_forecast(data, space)
        for note in noise_notes(checked):
            console.print(note, markup=False)
        if checked.rungs:
            console.print("", rungs_table(checked))
        if search.foreign:
            added = "; ".join(f"{trial.trial} ({_state(trial)})" for trial in search.foreign)
            console.print(f"Trials that other programs added (not part of this search): {added}.", markup=False)
    elif output is Format.CSV:
        rows = trial_rows(trials, space.criteria, epochs)
        texts = [{k: " ".join(map(str, v)) if k == "front_epochs" else v for k, v in row.items()} for row in rows]
        print_rows(texts, "csv")
    else:
        volume = data.hypervolume if has_front else None
        shown = {"search": name, "hypervolume": volume, "trials": trial_rows(trials, space.criteria, epochs)}
        shown["foreign"] = [asdict(trial) for trial in search.foreign]
        if has_seeds(data):
            shown["points"] = [asdict(point) for point in seed_means(data)]
        typer.echo(json.dumps(shown, indent=2))


def _show_trial(name: str, search: "LoadedSearch", number: int, output: Format) -> None:
    from tuner.report.console.listing import print_rows
    from tuner.report.console.terminal import terminal
    from tuner.report.console.trial_details import trial_detail_row, trial_details

    trial = next((each for each in search.trials if each.number == number), None)
    if trial is None:
        known = f"0 to {search.trials[-1].number}" if search.trials else "none yet"
        raise UsageError(f"--trial is {number}, but {name} has no such trial; its trials are {known}.", "--trial")
    criteria = search.space.criteria
    on_front = search.data.front_epochs.get(number, [])
    if output is Format.TABLE:
        terminal().print(trial_details(name, trial, criteria, on_front))
    elif output is Format.CSV:
        print_rows(trial_detail_row(trial, criteria, on_front)["decisions"], "csv")
    else:
        typer.echo(json.dumps(trial_detail_row(trial, criteria, on_front), indent=2))


def _state(trial: "ForeignTrial") -> str:
    if trial.fault is not None:
        return f"refused: {trial.fault}"
    return "waits for its turn" if trial.state == "waiting" else trial.state
