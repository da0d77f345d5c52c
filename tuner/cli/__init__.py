"""The command line, one file for each command. Heavy imports lie inside the commands, so that `--help` is fast."""

import gc
import logging
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from training.command_line import draw_into_files, explain_long_names, require_current_folder
from training.explained_error import ExplainedError
from training.tolerant_output import tolerate_lost_output
from tuner.cli.add import add
from tuner.cli.adopt import adopt
from tuner.cli.clone import clone
from tuner.cli.confirm import confirm
from tuner.cli.delete import delete
from tuner.cli.export import export
from tuner.cli.front import front
from tuner.cli.list_searches import list_searches
from tuner.cli.prune import prune
from tuner.cli.register import register
from tuner.cli.run import run, with_resume_value
from tuner.cli.set_rules import set_rules
from tuner.cli.show import show
from tuner.cli.slurm import slurm
from tuner.cli.spaces import spaces
from tuner.cli.status import status
from tuner.cli.stop import stop
from tuner.cli.sync import sync
from tuner.cli.ui import ui
from tuner.engine.signals import handle_signals, interrupt
from tuner.redact import RedactingFormatter, redact


@contextmanager
def _exit_on_signal() -> Iterator[None]:
    """End with exit code 130 on SIGINT or SIGTERM, until the driver or Ray Tune sets its own handlers."""
    try:  # outside the `with` block, because a signal may come while the handlers are set or taken back
        with handle_signals(interrupt):
            yield
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted.\n")
        raise typer.Exit(130) from None


def _ensure_home() -> None:
    """Let a temporary folder be the home of a user who has none, as in a container: MLflow cannot be imported else."""
    try:
        Path.home()
    except RuntimeError:
        os.environ["HOME"] = tempfile.gettempdir()


@contextmanager
def _without_garbage_collection() -> Iterator[None]:
    """Save a fifth of the time: nearly all objects of a large search live until the command ends."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


app = typer.Typer(
    name="tuner",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"tuner {version('robust-tuner')}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Search the trade-off between natural and robust accuracy of adversarial training."""
    del version


app.command("run")(_exit_on_signal()(run))
app.add_typer(spaces, name="spaces")
app.command("list")(_without_garbage_collection()(list_searches))
app.command("status")(_without_garbage_collection()(status))
app.command("show")(_without_garbage_collection()(show))
app.command("front")(_without_garbage_collection()(front))
app.command("add")(add)
app.command("stop")(stop)
app.command("set")(set_rules)
app.command("clone")(clone)
app.command("prune")(prune)
app.command("delete")(delete)
app.command("confirm")(_exit_on_signal()(confirm))
app.command("export")(export)
app.command("register")(register)
app.command("sync")(sync)
app.command("adopt")(adopt)
app.command("ui")(ui)
app.command("slurm")(slurm)


def main(arguments: list[str] | None = None) -> None:
    """Run one command and exit: 0 done, 1 failed, 2 wrong usage, 130 interrupted."""
    tolerate_lost_output()
    draw_into_files()
    _ensure_home()
    logs = logging.StreamHandler()
    logs.setFormatter(RedactingFormatter("%(levelname)s: %(message)s"))
    logging.basicConfig(handlers=[logs], level=logging.WARNING)
    try:
        require_current_folder()
        with explain_long_names():
            app(with_resume_value(sys.argv[1:] if arguments is None else arguments))
    except ExplainedError as error:
        sys.stderr.write(f"{redact(str(error))}\n")
        sys.exit(2)
