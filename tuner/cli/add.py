"""`tuner add`: have a search run a trial with parameters of your choice."""

from pathlib import Path
from typing import Annotated

import typer

from tuner.cli.options import LedgerUrl, RunsDir, SearchName, Wait


def add(
    name: SearchName,
    parameters: Annotated[
        list[str], typer.Argument(help="Parameters of the trial; the sampler proposes the others.", metavar="KEY=VALUE")
    ],
    runs_dir: RunsDir = Path("runs"),
    ledger: LedgerUrl = None,
    wait: Wait = True,
) -> None:
    """Add a trial of your choice; it starts next.

    If all trials of the search were proposed, it gets one more. If the search does not run, the trial waits for the
    next resume.

    Example:

      tuner add digits_tradeoff-1 alpha=0.3 lambda=6
    """
    from tuner.cli.instructing import instruct
    from tuner.runs.find import find_search
    from tuner.runs.folder import recorded_space
    from tuner.steering.arguments import read_point
    from tuner.steering.decide import ADD

    folder = find_search(runs_dir, name)
    with folder.ledger(ledger) as opened:
        point = read_point(recorded_space(opened), parameters)
        instruct(folder, opened, ADD, {"parameters": point}, runs_dir=runs_dir, wait=wait)
