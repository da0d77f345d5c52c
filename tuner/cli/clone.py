"""`tuner clone`: a new search over the space of another one, with changes."""

from pathlib import Path
from typing import Annotated

import typer

from tuner.cli.options import DataRoot, LedgerUrl, RunsDir, SearchName, TrackingUri


def clone(  # noqa: PLR0917 - each is an option by its name
    name: SearchName,
    new: Annotated[str, typer.Argument(help="Name of the new search.", metavar="NEW")],
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", help="Change a key of the space; repeatable.", metavar="KEY=VALUE"),
    ] = None,
    learn: Annotated[
        bool, typer.Option("--learn", help="Let the sampler learn from the trials of NAME (a warm start).")
    ] = False,
    runs_dir: RunsDir = Path("runs"),
    tracking_uri: TrackingUri = None,
    ledger: LedgerUrl = None,
    data_root: DataRoot = None,
) -> None:
    """Copy the space of a search into a new one, with changes.

    The new search has no trials; `tuner run --resume NEW` starts it.

    Example:

      tuner clone digits_tradeoff-1 longer --set trial.epochs=40
    """
    from tuner.cli.instructing import resume_command
    from tuner.driver.clone import clone_search
    from tuner.driver.plan import Request
    from tuner.runs.find import find_search
    from tuner.runs.plug_ins import look_where_recorded

    folder = find_search(runs_dir, name)
    look_where_recorded(folder)
    request = Request(
        space=str(folder.space_file),
        name=new,
        overrides=tuple(overrides or ()),
        warm_start=(name,) if learn else (),
        runs_dir=runs_dir,
        tracking_uri=tracking_uri or folder.tracking_uri(),
        ledger=ledger,
        data_root=data_root,
    )
    plan = clone_search(request)
    typer.echo(f"{new} has the space of {name}, and no trial yet. Start it: {resume_command(plan.folder, runs_dir)}")
