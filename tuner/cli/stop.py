"""`tuner stop`: stop a search, or one of its trials."""

from pathlib import Path
from typing import Annotated

import typer

from tuner.cli.options import LedgerUrl, RunsDir, SearchName, Wait


def stop(
    name: SearchName,
    trial: Annotated[
        int | None, typer.Argument(help="Number of the trial; without it the search.", metavar="[TRIAL]", min=0)
    ] = None,
    runs_dir: RunsDir = Path("runs"),
    ledger: LedgerUrl = None,
    wait: Wait = True,
) -> None:
    """Stop a search, or one of its trials.

    A search stops as with Ctrl-C, from any terminal or machine, and can be resumed. A trial stops for good.

    A stopped trial keeps what it has measured, and its process ends with the epoch that it trains.

    Examples:

      tuner stop digits_tradeoff-1

      tuner stop digits_tradeoff-1 7
    """
    from tuner.cli.instructing import instruct
    from tuner.runs.find import find_search
    from tuner.runs.lock import is_driven
    from tuner.steering.arguments import require_running
    from tuner.steering.decide import STOP

    folder = find_search(runs_dir, name)
    with folder.ledger(ledger) as opened:
        if trial is None and not is_driven(folder.path, opened.url):
            typer.echo(f"{name} is not running: there is nothing to stop.")
            return
        if trial is not None:
            require_running(name, opened.load(), trial)
        instruct(folder, opened, STOP, {} if trial is None else {"trial": trial}, runs_dir=runs_dir, wait=wait)
