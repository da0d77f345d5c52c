"""`tuner set`: change how much a search runs, while it runs."""

from pathlib import Path
from typing import Annotated

import typer

from tuner.cli.options import LedgerUrl, RunsDir, SearchName, Wait


def set_rules(
    name: SearchName,
    values: Annotated[
        list[str],
        typer.Argument(
            help="search.trials, search.max_epochs, search.patience, search.max_failures, or concurrency.",
            metavar="KEY=VALUE",
        ),
    ],
    runs_dir: RunsDir = Path("runs"),
    ledger: LedgerUrl = None,
    wait: Wait = True,
) -> None:
    """Change how many trials run, and when a search ends.

    How many trials run at once can be changed as well.

    `null` takes a rule away (search.max_epochs=null); concurrency=auto runs as many trials as fit. Other keys change
    with a resume: tuner run --resume NAME --set KEY=VALUE.

    Example:

      tuner set digits_tradeoff-1 search.trials=96 concurrency=8
    """
    from tuner.cli.instructing import instruct
    from tuner.runs.find import find_search
    from tuner.runs.folder import recorded_space
    from tuner.steering.arguments import read_settings
    from tuner.steering.decide import SET

    folder = find_search(runs_dir, name)
    with folder.ledger(ledger) as opened:
        settings = read_settings(recorded_space(opened), values)
        instruct(folder, opened, SET, {"values": settings}, runs_dir=runs_dir, wait=wait)
