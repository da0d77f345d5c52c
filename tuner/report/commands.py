"""The commands that a reader of a trial may want next, as text to copy."""

import shlex
from pathlib import Path

from tuner.ledger.records import Outcome
from tuner.runs.mirror import place_of, url_of

_DEFAULT = "runs"


def lasting_flag(runs_dir: Path) -> str:
    """Return the flag of a runs folder, after a blank, for a command that is read later, wherever that is.

    It is empty for a folder of the default name: the command works in the folder above.
    """
    if url_of(runs_dir) is None and runs_dir.resolve().name == _DEFAULT:
        return ""
    return f" --runs-dir {shlex.quote(place_of(runs_dir.resolve()))}"


def epoch_commands(search: str, number: int, epoch: int, runs_flag: str) -> dict[str, str]:
    """Return the commands for a point of the front that is one epoch of a trial, and what each does."""
    name = shlex.quote(search)
    of_epoch, tests = f"{number} --epoch {epoch}", "trained to this epoch: several seeds, strong attacks, the test set"
    out = shlex.quote(f"{search}-trial-{number}-epoch-{epoch}")
    return {
        f"tuner export {name} {of_epoch} --out {out}{runs_flag}": "its weights, with a script that loads them",
        f"tuner confirm {name} --trial {of_epoch}{runs_flag}": tests,
        f"tuner register {name} {of_epoch}{runs_flag}": "into MLflow's registry",
        f"tuner show {name} --trial {number}{runs_flag}": "its values at rungs, and why it went on or ended",
    }


def trial_commands(
    search: str,
    number: int,
    outcome: Outcome,
    runs_flag: str,
    *,
    has_checkpoint: bool = True,
    of_confirmation: bool = False,
) -> dict[str, str]:
    """Return the commands for a trial and what each does.

    A model can be exported if it has a checkpoint, and registered if its trial completed as well. A completed trial can
    be confirmed, unless it belongs to a confirmation itself (`of_confirmation`).
    """
    name = shlex.quote(search)
    export = f"tuner export {name} {number} --out {shlex.quote(f'{search}-trial-{number}')}{runs_flag}"
    commands = {}
    if has_checkpoint and outcome in {Outcome.COMPLETED, Outcome.STOPPED}:
        commands[export] = "its weights and configuration, with a script that loads them"
    if outcome is Outcome.COMPLETED and not of_confirmation:
        commands[f"tuner confirm {name} --trial {number}{runs_flag}"] = "several seeds, strong attacks, the test set"
    if has_checkpoint and outcome is Outcome.COMPLETED:
        commands[f"tuner register {name} {number}{runs_flag}"] = "into MLflow's registry"
    commands[f"tuner show {name} --trial {number}{runs_flag}"] = "its values at rungs, and why it went on or ended"
    return commands
