"""A search on two nodes during which one node dies, another joins, and the network is cut."""

import secrets
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.surroundings import own_environment
from benchmarks.two_nodes.network import Machine, network
from tuner.ledger import TrialRecord
from tuner.runs.folder import SearchFolder

_PROJECT = Path(__file__).parents[2]
_NAME = "cluster"
_PATIENCE_SECONDS = 240.0


@dataclass(frozen=True)
class Epoch:
    """An epoch that began, and the address of the node that trained it."""

    trial: int
    epoch: int
    address: str


@dataclass(frozen=True)
class Outcome:
    """What happened; `trials` are those on record, `begun` the epochs that began, in order."""

    exit_code: int
    output: str
    trials: list[TrialRecord]
    begun: list[Epoch]
    on_lost: set[int]
    seconds: dict[str, float]

    def faults(self) -> list[str]:
        """Return what was lost or done twice, as sentences; an empty list if all is well."""
        found = [] if self.exit_code == 0 else [f"the search ended with {self.exit_code}"]
        if [trial.number for trial in self.trials] != list(range(len(self.trials))):
            found.append("numbers are missing or twice")
        if len({repr(trial.parameters) for trial in self.trials}) < len(self.trials):
            found.append("a configuration was tried twice")
        for trial in self.trials:
            if trial.outcome.value != "completed":
                found.append(f"trial {trial.number} is {trial.outcome}")
            if [report.epoch for report in trial.reports] != list(range(1, trial.epochs_trained + 1)):
                found.append(f"epochs of trial {trial.number} are missing or twice")
        return found

    def trained_again(self) -> int:
        """Count the epochs that began more than once."""
        return len(self.begun) - len({(epoch.trial, epoch.epoch) for epoch in self.begun})


def play(folder: Path, *, trials: int, epochs: int, epoch_seconds: float, cut_seconds: float) -> Outcome:
    """Run the search in a folder that all nodes share; without a cut of the network if `cut_seconds` is 0."""
    environment = node_environment()
    hold = folder / "hold"  # while it exists no trial finishes its present epoch
    with network(["head", "lost", "late"], folder) as (head, lost, late):
        play = _Play(folder, environment, head)
        play.join(head, "--head", "--port=6379", "--include-dashboard=true", f"--dashboard-host={head.address}")
        play.join(lost)
        hold.touch()
        search = play.search(trials, epochs, epoch_seconds)
        seconds = {"from the command to trials on both nodes": play.wait(search, lambda: len(play.nodes()) == 2)}
        hold.unlink()
        play.wait(search, lambda: max(epoch.epoch for epoch in play.begun() if epoch.address == lost.address) > 2)
        lost.kill()
        hold.touch()
        on_lost = play.unfinished_on(lost, epochs)
        play.join(late)
        seconds["from the joining of a node to its first epoch"] = play.wait(
            search, lambda: late.address in play.nodes()
        )
        hold.unlink()
        play.wait(search, lambda: on_lost <= {e.trial for e in play.begun() if e.address != lost.address})
        if cut_seconds:
            late.cut_off()
            time.sleep(cut_seconds)
            late.join_again()
            begun = len(play.begun())
            seconds["from the end of the cut to an epoch of the node"] = play.wait(
                search, lambda: late.address in {epoch.address for epoch in play.begun()[begun:]}
            )
        play.wait(search, lambda: search.poll() is not None)
        return Outcome(search.returncode, play.log("search"), play.trials(), play.begun(), on_lost, seconds)


def node_environment() -> dict[str, str]:
    """Return the environment of all nodes: a new token, and none of the user's settings."""
    token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    return own_environment(**token, PYTHONPATH=str(_PROJECT), PYTHONUNBUFFERED="1", OMP_NUM_THREADS="1")


class _Play:
    """The nodes and the search, and what they write into the shared folder."""

    def __init__(self, folder: Path, environment: dict[str, str], head: Machine) -> None:
        self._folder = folder
        self._environment = environment
        self._head = head

    def join(self, machine: Machine, *words: str) -> None:
        """Start a Ray node, by default one that joins the head."""
        words = words or (f"--address={self._head.address}:6379",)
        machine.start_ray(words, self._environment, self._folder / f"{machine.folder.name}.log")

    def search(self, trials: int, epochs: int, epoch_seconds: float) -> subprocess.Popen[bytes]:
        """Submit the driver as a job of the cluster; the returned process waits for its end."""
        program = Path(__file__).with_name("recorded_trials.py")
        submit = [str(Path(sys.executable).with_name("ray")), "job", "submit"]
        submit += ["--address", f"http://{self._head.address}:8265", "--working-dir", str(program.parent), "--"]
        words = [
            sys.executable,
            program.name,
            str(self._folder),
            str(epoch_seconds),
            "--resume-or-start",
            "--name",
            _NAME,
        ]
        words += ["--space", "digits_tradeoff", "--trials", str(trials), "--epochs", str(epochs), "-v"]
        words += ["--set", "early_stopping.scheduler=none", "--set", "train_fraction=0.2"]
        words += ["--runs-dir", str(self._folder / "runs"), "--data-root", str(self._folder), "--address", "auto"]
        return self._head.start([*submit, *words], self._environment, self._folder / "search.log")

    def wait(self, search: subprocess.Popen[bytes], happened: Callable[[], bool]) -> float:
        """Wait until something happens while the search runs; return the seconds it took."""
        started = time.monotonic()
        self._until(lambda: happened() or search.poll() is not None, "the expected event")
        if not happened():
            raise RuntimeError(f"The search ended too early:\n{self.log('search')}")
        return round(time.monotonic() - started, 1)

    def _until(self, happened: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not happened():
            if time.monotonic() > deadline:
                raise TimeoutError(f"{_PATIENCE_SECONDS:.0f} s went by before {what}:\n{self.log('search')}")
            time.sleep(0.1)

    def begun(self) -> list[Epoch]:
        """Return the epochs that began so far."""
        path = self._folder / "epochs"
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        return [Epoch(int(trial), int(epoch), address) for trial, epoch, address in map(str.split, lines)]

    def unfinished_on(self, machine: Machine, epochs: int) -> set[int]:
        """Return the trials of a machine that have not begun their last epoch."""
        last = {epoch.trial: epoch for epoch in self.begun()}
        return {n for n, epoch in last.items() if epoch.address == machine.address and epoch.epoch < epochs}

    def nodes(self) -> set[str]:
        """Return the addresses of the nodes that trained."""
        return {epoch.address for epoch in self.begun()}

    def trials(self) -> list[TrialRecord]:
        """Read the ledger with all reports, because the folder is removed before they are used."""
        ledger = SearchFolder(self._folder / "runs" / _NAME).ledger()
        try:
            return [replace(trial, reports=tuple(trial.reports)) for trial in ledger.load()]
        finally:
            ledger.close()

    def log(self, name: str) -> str:
        """Return what a node or the search printed."""
        path = self._folder / f"{name}.log"
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""


def figures(outcome: Outcome) -> dict[str, Any]:
    """Return the figures of the result file as plain values."""
    shares: dict[str, int] = {}
    for epoch in outcome.begun:
        shares[epoch.address] = shares.get(epoch.address, 0) + 1
    return {
        "faults": outcome.faults(),
        "seconds": outcome.seconds,
        "epochs_by_node": shares,
        "epochs_on_record": sum(trial.epochs_trained for trial in outcome.trials),
        "epochs_trained_again": outcome.trained_again(),
        "trials_of_the_lost_node": sorted(outcome.on_lost),
    }
