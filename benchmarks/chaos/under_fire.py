"""Run one search, kill its processes at random moments as planned, and then let it finish."""

import os
import random
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from benchmarks.chaos.victims import Victim, find
from benchmarks.surroundings import own_environment

SPACE = Path(__file__).with_name("space.yaml")
# After this time a driver that neither trains nor ends counts as stuck.
_PATIENCE_SECONDS = 120.0
_LONGEST_WAIT_SECONDS = 2.0
# This share of the kills of a driver does not wait for an epoch, but for a random time up to so many seconds.
_EARLY_SHARE = 0.4
_LONGEST_START_SECONDS = 15.0


@dataclass
class Kill:
    """A kill: the victim, the signal, and the driver's exit code and the seconds until its end, if it ended.

    It was `early` if the driver had not recorded an epoch since its start.
    """

    victim: Victim
    signal: str
    early: bool = False
    code: int | None = None
    seconds: float | None = None


@dataclass
class Attacked:
    """A search after its kills."""

    folder: Path
    kills: list[Kill] = field(default_factory=list)
    stuck: list[str] = field(default_factory=list)
    finished: bool = False


class Attackable(Protocol):
    """A search that a command starts and continues after the driver's end."""

    @property
    def folder(self) -> Path:
        """The search's own folder; the driver's log is beside it."""
        ...

    def command(self) -> Sequence[str]:
        """Return the command that starts or continues the search."""
        ...

    def epochs_on_record(self) -> int:
        """Count the epochs whose metrics the driver has recorded."""
        ...

    def remember(self) -> None:
        """Keep what is on record now; called just before a kill and after the driver's end."""
        ...


class UnderFire:
    """Runs one search and kills its processes; `rng` draws the moments and the signals."""

    def __init__(self, search: Attackable, rng: random.Random) -> None:
        self._search = search
        self._rng = rng
        self._attacked = Attacked(search.folder)
        self._at_start = 0
        self._log = search.folder.parent / f"{search.folder.name}.log"

    def run(self, victims: Sequence[Victim]) -> Attacked:
        """Kill the victims in this order, then let the search end; one that ends early leaves the rest alive."""
        left = list(victims)
        sessions_without_kill = 0
        while sessions_without_kill < 3:
            process = self._start()
            before = len(left)
            early = bool(left) and left[0] is Victim.DRIVER and self._rng.random() < _EARLY_SHARE
            while left and process.poll() is None:
                if self._kill(process, left[0], early=early):
                    left.pop(0)
            code = self._wait_for_its_end(process)
            if code == 0:
                self._attacked.finished = True
                break
            sessions_without_kill += len(left) == before
        return self._attacked

    def _start(self) -> subprocess.Popen[bytes]:
        self._at_start = self._search.epochs_on_record()
        with self._log.open("ab") as log:
            return subprocess.Popen(
                self._search.command(), stdout=log, stderr=log, env=own_environment(), start_new_session=True
            )

    def _kill(self, process: subprocess.Popen[bytes], victim: Victim, *, early: bool) -> bool:
        """Wait for a new epoch on record, unless `early`, then a random time; return whether a process was killed."""
        if not early and not self._wait_for_progress(process):
            return False
        time.sleep(self._rng.uniform(0, _LONGEST_START_SECONDS if early else _LONGEST_WAIT_SECONDS))
        found = find(process.pid, victim)
        if process.poll() is not None or not found:
            return False
        number = self._rng.choice([signal.SIGKILL, signal.SIGTERM])
        self._search.remember()
        try:
            os.kill(self._rng.choice(found), number)
        except ProcessLookupError:
            return False
        kill = Kill(victim, number.name, self._search.epochs_on_record() == self._at_start)
        self._attacked.kills.append(kill)
        if victim is not Victim.TRIAL:
            started = time.monotonic()
            kill.code = self._wait(process)
            kill.seconds = round(time.monotonic() - started, 1)
            self._search.remember()
        return True

    def _wait(self, process: subprocess.Popen[bytes]) -> int:
        """Wait for the driver's end; if it does not come, note that and kill the driver."""
        try:
            return process.wait(_PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            self._attacked.stuck.append(f"the driver of {self._search.folder.name} neither went on nor ended")
            process.kill()
            return process.wait()

    def _wait_for_its_end(self, process: subprocess.Popen[bytes]) -> int:
        """Wait for the end of a driver that is left alone, however long, as long as it trains."""
        while process.poll() is None and self._wait_for_progress(process):
            pass
        return process.wait()

    def _wait_for_progress(self, process: subprocess.Popen[bytes]) -> bool:
        before = self._search.epochs_on_record()
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while process.poll() is None and time.monotonic() < deadline:
            if self._search.epochs_on_record() > before:
                return True
            time.sleep(0.1)
        if process.poll() is None:
            self._attacked.stuck.append(f"the driver of {self._search.folder.name} stopped training")
            process.kill()
            process.wait()
        return False
