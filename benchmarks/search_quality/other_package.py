"""A search of another package, which runs in a process of its own, perhaps by the Python of another environment."""

import json
import os
import subprocess
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.search_quality.competitors.ask_and_tell import Asked, Setting
from benchmarks.search_quality.searchers import Losses
from benchmarks.search_quality.tasks import Task
from tuner.ledger import Decision

_ROOT = Path(__file__).parents[2]
# One search uses one core, as the others do.
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


class OtherPackage:
    """A search in a process of its own, which ends with this object."""

    def __init__(self, module: str, python: str, task: Task, seed: int) -> None:
        """Start a module like those of `benchmarks.search_quality.competitors`, with a Python that has its package."""
        self._epochs = task.epochs
        self._module = module
        self._asked: dict[int, Asked] = {}
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 - `close` closes it
        self._process = subprocess.Popen(
            [python, "-m", module],
            cwd=_ROOT,
            env={**os.environ, **_ONE_THREAD},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
        )
        self._say(asdict(Setting(dict(task.parameters), task.epochs, task.grace_epochs, task.reduction_factor, seed)))

    def next(self) -> tuple[int, dict[str, Any]]:
        """Ask for a training; a number that was stopped before goes on."""
        self._say({})
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self._errors.seek(0)
            raise RuntimeError(f"{self._module} ended:\n{self._errors.read()}")
        asked = Asked(**json.loads(line))
        self._asked[asked.number] = asked
        return asked.number, asked.point

    def report(self, number: int, epoch: int, losses: Losses) -> Decision:
        """Tell the losses at the epoch that was asked for."""
        if epoch < self._asked[number].epoch:
            return Decision.CONTINUE
        self._say({"number": number, "losses": losses})
        return Decision.COMPLETE if epoch >= self._epochs else Decision.STOP

    def close(self) -> None:
        """End the process."""
        self._process.communicate()
        self._errors.close()

    def _say(self, line: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(line) + "\n")
        self._process.stdin.flush()
