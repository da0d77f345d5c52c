"""`tuner spaces`: which spaces there are, what is in them, and whether a file is a valid space."""

import math
from typing import Annotated

import typer

spaces = typer.Typer(help="List, show and check search spaces.", rich_markup_mode=None, invoke_without_command=True)


@spaces.callback()
def default(context: typer.Context) -> None:
    """List the spaces if no other command is given."""
    if context.invoked_subcommand is None:
        list_spaces()


@spaces.command("list")
def list_spaces() -> None:
    """List the known spaces."""
    from tuner.errors import UsageError
    from tuner.report.console.rich_table import rich_table
    from tuner.report.console.terminal import terminal
    from tuner.report.text import TextTable
    from tuner.space import known_spaces, load_space

    rows = []
    for name, path in known_spaces().items():
        try:
            space = load_space(str(path))
        except UsageError:
            rows.append([name, "", "", "", f"not valid: see tuner spaces check {path}"])
            continue
        gpus = f"{space.resources.gpus_per_trial:g}"
        rows.append([name, str(space.search.trials), str(space.epochs), gpus, space.description])
    headings = ["Space", "Trials", "Epochs", "GPUs a trial", "Description"]
    terminal().print(rich_table("", "", TextTable(headings, rows), emphasised=""))


@spaces.command("show")
def show_space(
    name: Annotated[str, typer.Argument(help="Name or path of a space.", metavar="NAME")],
    overrides: Annotated[
        list[str] | None, typer.Option("--set", help="Change a key of the space; repeatable.", metavar="KEY=VALUE")
    ] = None,
) -> None:
    """Print a space with all its defaults, in the form of a space file."""
    from training.yaml_text import format_yaml
    from tuner.space import load_space

    space = load_space(name, overrides or ())
    mapping = space.model_dump(mode="json")
    mapping["trial"] = {**space.defaults(), **mapping["trial"]}
    follows = {"rungs": space.early_stopping.scheduler != "none", "seed": space.search.seeds > 1, "imports": True}
    for key in (key for key, does_follow in follows.items() if does_follow):
        mapping["trial"].pop(key, None)
    typer.echo(format_yaml(mapping), nl=False)


@spaces.command("check")
def check_space(
    path: Annotated[str, typer.Argument(help="Name or path of a space.", metavar="PATH")],
    imports: Annotated[
        bool,
        typer.Option("--imports/--no-imports", help="Import the space's own code, or run none and check less."),
    ] = True,
) -> None:
    """Check a space file; print its parameters, or its faults.

    The exit code is 0 if the space is valid, and 2 if it is not.
    """
    from tuner.space import load_space, parameter_lines

    space = load_space(path, imports=imports)
    points = space.count_points()
    counted = "" if math.isinf(points) else f", {points:,} points"
    typer.echo(f"{path}: valid; {len(space.parameters)} parameters{counted}, {space.search.trials} trials")
    for line in parameter_lines(space):
        typer.echo(line)
    if not imports and space.outside_modules:
        modules = ", ".join(space.outside_modules)
        typer.echo(f"{path}: {modules} was not imported, so the keys of trial and parameters were not checked")


@spaces.command("keys")
def show_keys(
    name: Annotated[
        str | None, typer.Argument(help="A space whose own code adds names and keys.", metavar="[SPACE]")
    ] = None,
) -> None:
    """List every key of a trial with its rule and default.

    The list also says which names have the key, and where the default comes from. Lists of metrics, of what may be a
    point of the front, of what is trained again, and of samplers follow.
    """
    from itertools import groupby

    from training.config.keys import all_keys
    from training.config.metrics import unit_of, usual_direction
    from training.registry import METRICS
    from tuner.space import load_space
    from tuner.space.samplers import SAMPLERS
    from tuner.space.sections import CANDIDATES, RESEED

    if name is not None:
        load_space(name)
    keys = all_keys()
    width = max(map(len, [*(key.key for key in keys), *METRICS]))
    for owner, owned in groupby(keys, lambda key: key.owner):
        typer.echo(f"{owner}:")
        for key in owned:
            source = f" ({key.source})" if key.source else ""
            typer.echo(f"  {key.key:<{width}}  {key.rule}; default: {key.default}{source}")
    typer.echo("metrics, for objectives and constraints; MODULE:NAME is one of your own:")
    for metric in METRICS:
        unit = {"%": "share", "": "number"}.get(unit_of(metric), unit_of(metric))
        typer.echo(f"  {metric:<{width}}  {unit}; default: {usual_direction(metric)}")
    typer.echo(f"search.candidates: one of {', '.join(CANDIDATES)}; default: {CANDIDATES[0]}")
    typer.echo(f"search.reseed: one of {', '.join(RESEED)}; default: {RESEED[0]}")
    typer.echo(f"search.sampler: one of {', '.join(SAMPLERS)}, or MODULE:NAME of your own; default: forecast")
