"""The command line. Heavy imports live inside the commands, so that `--help` answers at once."""

import logging
import sys

import typer

from tuner.cli.browse import list_searches, show
from tuner.cli.confirm import confirm
from tuner.cli.front import front
from tuner.cli.interruptible import interruptible
from tuner.cli.mlflow import sync, ui
from tuner.cli.models import export, register
from tuner.cli.run import run, with_resume_value
from tuner.cli.spaces import spaces
from tuner.errors import UsageError
from tuner.redact import RedactingFormatter, redacted

app = typer.Typer(
    name="tuner",
    help="Search the trade-off between natural and robust accuracy of adversarial training.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    add_completion=False,
)
app.command("run")(interruptible()(run))
app.add_typer(spaces, name="spaces")
app.command("list")(list_searches)
app.command("show")(show)
app.command("front")(front)
app.command("confirm")(interruptible()(confirm))
app.command("export")(export)
app.command("register")(register)
app.command("sync")(sync)
app.command("ui")(ui)


def main(arguments: list[str] | None = None) -> None:
    """Run one command and exit: 0 done, 1 failed, 2 wrong usage, 130 interrupted."""
    logs = logging.StreamHandler()
    logs.setFormatter(RedactingFormatter("%(levelname)s: %(message)s"))
    logging.basicConfig(handlers=[logs], level=logging.WARNING)
    try:
        app(with_resume_value(sys.argv[1:] if arguments is None else arguments))
    except UsageError as error:
        sys.stderr.write(f"{redacted(str(error))}\n")
        sys.exit(2)
