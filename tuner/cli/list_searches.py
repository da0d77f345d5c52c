"""`tuner list`: all searches of a folder."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from tuner.cli.options import Format, LedgerUrl, OutputFormat, RunsDir
from tuner.errors import UsageError, first_line

if TYPE_CHECKING:
    from tuner.runs.folder import SearchFolder


def list_searches(
    runs_dir: RunsDir = Path("runs"), ledger: LedgerUrl = None, output: OutputFormat = Format.TABLE
) -> None:
    """List all searches: state, trials and hypervolume.

    The state is running, interrupted (it can be resumed), finished, or not started.
    """
    from tuner.report.console.listing import print_rows
    from tuner.runs.find import all_searches
    from tuner.runs.mirror import place_of

    rows = [_row(folder, ledger) for folder in all_searches(runs_dir)]
    if not rows and output is Format.TABLE:
        typer.echo(f"No searches in {place_of(runs_dir)} yet. Start one: python -m tuner.run --space digits_tradeoff")
        return
    print_rows(rows, output.value)


def _row(folder: "SearchFolder", ledger_url: str | None) -> dict[str, Any]:
    """Return the row of one search, or the reason why it cannot be read.

    `ledger_url` is the ledger of the searches that have none in their folder.
    """
    from tuner.confirm.presentation import presentation_of
    from tuner.ledger import Outcome
    from tuner.report.load import front_of
    from tuner.report.status import state_of
    from tuner.runs.folder import recorded_space

    try:
        with folder.ledger(folder.if_shared(ledger_url)) as ledger:
            space, trials = recorded_space(ledger), ledger.load()
        data = front_of(folder.name, space, trials)
        created = str(folder.frozen()["created"])
        state = state_of(folder, ledger.url, space, trials)
    except UsageError as error:
        return {"search": folder.name, "state": f"unreadable: {first_line(error)}"}
    return {
        "search": folder.name,
        "state": state.value,
        "ended": sum(trial.outcome is not Outcome.RUNNING for trial in trials),
        "trials": space.search.trials,
        **presentation_of(space).list_columns(data),
        "created": created,
        "space": space.name,
    }
