"""One search that is killed at random moments until the kills are used up, and then left to finish."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.chaos.checks import Snapshot, epochs_begun, read_trials
from benchmarks.chaos.victims import Victim, find
from tuner.errors import UsageError

SPACE = Path(__file__).with_name("space.yaml")
# Where a kill leaves a driver that neither goes on nor ends, which would be a finding.
_PATIENCE_SECONDS = 240.0
_LONGEST_WAIT_SECONDS = 2.0
_SETTINGS = ("TUNER_LEDGER", "MLFLOW_TRACKING_URI", "RAY_ADDRESS", "TUNER_RUNS_DIR")


@dataclass
class Kill:
    """A kill that was carried out: whom, by what signal, the driver's exit code and seconds until its end, if any."""

    victim: Victim
    signal: str
    code: int | None = None
    seconds: float | None = None


@dataclass
class Attacked:
    """A search after its kills."""

    folder: Path
    kills: list[Kill] = field(default_factory=list)
    snapshots: list[Snapshot] = field(default_factory=list)
    stuck: list[str] = field(default_factory=list)
    finished: bool = False


class UnderFire:
    """Runs one search; the moments and signals come from `rng`, the victims from `victims` in their order."""

    def __init__(self, folder: Path, rng: random.Random, arguments: Sequence[str]) -> None:
        self._search = Attacked(folder)
        self._rng = rng
        self._arguments = arguments
        self._log = folder.parent / f"{folder.name}.log"
        self.begun_file = folder.parent / f"{folder.name}.epochs"

    def run(self, victims: Sequence[Victim]) -> Attacked:
        """Kill in this order, then let the search end; a search that ends early saves the rest of its victims."""
        left = list(victims)
        sessions_without_kill = 0
        while sessions_without_kill < 3:
            process = self._start()
            before = len(left)
            while left and process.poll() is None:
                if self._kill(process, left[0]):
                    left.pop(0)
            code = self._wait(process)
            if code == 0:
                self._search.finished = True
                break
            sessions_without_kill += len(left) == before
        return self._search

    def _start(self) -> subprocess.Popen[bytes]:
        folder = self._search.folder
        resumed = (folder / "space.yaml").exists()
        if not resumed and folder.exists():
            self._search.stuck.append(f"{folder.name} was killed before it was whole")
        words = ["--resume", folder.name] if resumed else ["--name", folder.name, "--space", str(SPACE)]
        command = [sys.executable, "-m", "benchmarks.chaos.logged_driver", str(self.begun_file)]
        command += [*words, *self._arguments, "--runs-dir", str(folder.parent)]
        environment = {key: value for key, value in os.environ.items() if key not in _SETTINGS}
        with self._log.open("ab") as log:
            return subprocess.Popen(command, stdout=log, stderr=log, env=environment, start_new_session=True)

    def _kill(self, process: subprocess.Popen[bytes], victim: Victim) -> bool:
        """Wait for an epoch on record, and then for a random moment; say whether there was anything to kill."""
        if not self._wait_for_progress(process):
            return False
        time.sleep(self._rng.uniform(0, _LONGEST_WAIT_SECONDS))
        found = find(process.pid, victim)
        if process.poll() is not None or not found:
            return False
        number = self._rng.choice([signal.SIGKILL, signal.SIGTERM])
        self._search.snapshots.append(self._snapshot())
        try:
            os.kill(self._rng.choice(found), number)
        except ProcessLookupError:
            self._search.snapshots.pop()
            return False
        kill = Kill(victim, number.name)
        self._search.kills.append(kill)
        if victim is not Victim.TRIAL:
            started = time.monotonic()
            kill.code = self._wait(process)
            kill.seconds = round(time.monotonic() - started, 1)
            self._search.snapshots.append(self._snapshot())
        return True

    def _wait(self, process: subprocess.Popen[bytes]) -> int:
        """Wait for the driver's end; one that does not come is noted, and brought about."""
        try:
            return process.wait(_PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            self._search.stuck.append(f"the driver of {self._search.folder.name} neither went on nor ended")
            process.kill()
            return process.wait()

    def _wait_for_progress(self, process: subprocess.Popen[bytes]) -> bool:
        before = self._on_record()
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while process.poll() is None and time.monotonic() < deadline:
            if self._on_record() > before:
                return True
            time.sleep(0.1)
        if process.poll() is None:
            self._search.stuck.append(f"the driver of {self._search.folder.name} trained nothing any more")
            process.kill()
            process.wait()
        return False

    def _on_record(self) -> int:
        return sum(trial.epochs_trained for trial in self._snapshot().trials)

    def _snapshot(self) -> Snapshot:
        begun = len(epochs_begun(self.begun_file))
        if not (self._search.folder / "space.yaml").exists():
            return Snapshot((), begun)
        try:
            return Snapshot(read_trials(self._search.folder), begun)
        except UsageError:  # another process makes the ledger at this moment
            return Snapshot((), begun)
