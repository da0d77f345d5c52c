"""What the commands that steer a search share: they record an instruction, and wait for the driver's answer."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from tuner.errors import UsageError

if TYPE_CHECKING:
    from tuner.ledger import Instruction, SqlLedger
    from tuner.runs.folder import SearchFolder

_PATIENCE_SECONDS = 20.0
_PAUSE_SECONDS = 0.25


def instruct(
    folder: "SearchFolder", ledger: "SqlLedger", kind: str, arguments: Mapping[str, Any], *, runs_dir: Path, wait: bool
) -> None:
    """Record an instruction and print the answer to it; if no driver runs, print that it is kept.

    Raise typer.Exit with code 1 if the driver refuses it.
    """
    number = ledger.instruct(kind, arguments)
    answered = _answer(folder, ledger, number) if wait else None
    if answered is not None:
        from tuner.ledger import InstructionState

        typer.echo(f"{answered}: {answered.answer}.")
        if answered.state is InstructionState.REFUSED:
            raise typer.Exit(1)
        return
    if _runs(folder, ledger):
        typer.echo(f"The driver has not answered yet: `tuner status {folder.name}` shows its answer.")
    else:
        command = resume_command(folder, runs_dir)
        typer.echo(f"{folder.name} is not running. The instruction is kept, and obeyed at the next resume: {command}")


def resume_command(folder: "SearchFolder", runs_dir: Path) -> str:
    """Return the command that resumes a search."""
    from tuner.runs.mirror import runs_flag

    return f"tuner run --resume {folder.name}{runs_flag(runs_dir)}"


def _answer(folder: "SearchFolder", ledger: "SqlLedger", number: int) -> "Instruction | None":
    """Wait for the answer to an instruction; return None if it does not come, or if no driver runs."""
    from tuner.ledger import InstructionState

    end = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < end and _runs(folder, ledger):
        found = _instruction(folder, ledger, number)
        if found.state is not InstructionState.WAITING:
            return found
        time.sleep(_PAUSE_SECONDS)
    found = _instruction(folder, ledger, number)
    return None if found.state is InstructionState.WAITING else found


def _instruction(folder: "SearchFolder", ledger: "SqlLedger", number: int) -> "Instruction":
    """Return an instruction; raise UsageError if its search was deleted meanwhile."""
    found = [one for one in ledger.instructions() if one.number == number]
    if not found:
        what = f"The search {folder.name} was deleted while the command waited for an answer"
        raise UsageError(f"{what}: `tuner list` shows the searches that are left.", folder.name)
    return found[0]


def _runs(folder: "SearchFolder", ledger: "SqlLedger") -> bool:
    from tuner.runs.lock import is_driven

    return is_driven(folder.path, ledger.url)
