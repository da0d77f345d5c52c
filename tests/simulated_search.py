"""Searches without a cluster: a small space, and trials with formulas for learning curves."""

import math
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol, Self

from tuner.driver.create import provenance
from tuner.ledger import Decision, Ledger, SqlLedger, default_ledger_url, trial_name
from tuner.runs.folder import SearchFolder
from tuner.search import Assignment, Search
from tuner.space import Space, space_from_mapping

SEARCH = "small-1"
SPLIT_DIGEST = "0123456789abcdef"


def space_mapping(**changes: dict[str, Any]) -> dict[str, Any]:
    """Return a space with rungs after 1 and 3 of 9 epochs; `changes` go into its sections."""
    mapping: dict[str, Any] = {
        "name": "small",
        "trial": {"dataset": "digits", "architecture": "digits_cnn", "epochs": 9, "data_root": "/data"},
        "parameters": {
            "alpha": {"type": "float", "low": 0.0, "high": 1.0},
            "lambda": {"type": "float", "low": 0.01, "high": 10.0, "log": True},
            "bottleneck": {"type": "categorical", "choices": [8, 16, 32]},
        },
        "objectives": {"natural_accuracy": {}, "pgd_accuracy": {}},
        # Not by the forecast, which takes a second for a trial.
        "search": {"sampler": "motpe", "trials": 12, "seed": 3},
        "early_stopping": {"scheduler": "mo_asha", "grace_epochs": 1, "reduction_factor": 3},
        "resources": {},
    }
    for section, values in changes.items():
        mapping[section] = {**mapping.get(section, {}), **values}
    return mapping


def small_space(**changes: dict[str, Any]) -> Space:
    """Return `space_mapping` as a validated space."""
    return space_from_mapping(space_mapping(**changes), "small.yaml")


def frozen_facts(**changes: Any) -> dict[str, Any]:
    """Return what every search notes beside its frozen space."""
    known = {**provenance(), "search_id": f"{SEARCH}-0a1b2c3d", "created": "2026-01-02T03:04:05+00:00"}
    return known | changes


def frozen_search(runs_dir: Path, name: str, created: str = "2026-01-01T00:00:00+00:00") -> SearchFolder:
    """Return the folder of a search over the small space, which has no file but its frozen space."""
    folder = SearchFolder(runs_dir / name)
    folder.path.mkdir(parents=True)
    folder.freeze(small_space(), frozen_facts(search_id=name, created=created))
    return folder


class MakeLedger(Protocol):
    """The fixture `make_ledger`: makes a search's folder and its ledger."""

    def __call__(self, space: Space, name: str = SEARCH, **facts: Any) -> SqlLedger: ...


class Searches:
    """Searches on disk, as a driver leaves them; `empty_database` saves making Optuna's tables again."""

    def __init__(self, runs_dir: Path, empty_database: Path) -> None:
        self._runs_dir = runs_dir
        self._empty_database = empty_database
        self._ledgers: list[SqlLedger] = []

    def make_ledger(self, space: Space, name: str = SEARCH, **facts: Any) -> SqlLedger:
        """Make the folder of a search, its ledger and its frozen space."""
        folder = SearchFolder(self._runs_dir / name)
        folder.path.mkdir(parents=True)
        (folder.path / "ledger.db").write_bytes(self._empty_database.read_bytes())
        known = {
            "search_id": f"{name}-0a1b2c3d",
            "split_digest": SPLIT_DIGEST,
            "space": space.model_dump(mode="json"),
            **facts,
        }
        ledger = SqlLedger.create(default_ledger_url(folder.path), name, space.objective_list, known)
        self._ledgers.append(ledger)
        folder.freeze(space, frozen_facts(search_id=known["search_id"]))
        return ledger

    def close(self) -> None:
        """Close all ledgers."""
        for ledger in self._ledgers:
            ledger.close()


def new_search(make_ledger: MakeLedger, clock: Callable[[], float] = time.time, **changes: dict[str, Any]) -> Search:
    """Make a search over `small_space` with these changes, and its ledger."""
    space = small_space(**changes)
    return Search(space, make_ledger(space), clock)


class CountingClock:
    """Returns 1, 2, 3, … seconds."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        """Return the next second."""
        self.seconds += 1
        return self.seconds


def measured(parameters: Mapping[str, Any], epoch: int) -> dict[str, float]:
    """Return the metrics of a trial after an epoch: accuracies that trade off along lambda, and cross in time."""
    share = math.log(parameters["lambda"] / 0.01) / math.log(1000)
    quality = 1 - (parameters["alpha"] - 0.3) ** 2 - 2 / parameters["bottleneck"]
    grown = 1 - math.exp(-epoch * (0.3 + 0.5 * parameters["alpha"]))
    return {
        "natural_accuracy": quality * grown * (1 - 0.5 * share**2),
        "pgd_accuracy": quality * grown * (0.2 + 0.4 * math.sqrt(share)),
        "loss/total": 2.3 * (1 - grown),
    }


def checkpoint_of(number: int, epoch: int) -> str:
    """Return where a simulated trial saves its checkpoint."""
    return f"ray/session-1/{trial_name(number)}/checkpoint_{epoch:06d}"


def train(search: Search, assignment: Assignment) -> None:
    """Report epochs of an assignment from where it goes on, until the search decides otherwise."""
    number = assignment.number
    for epoch in range(assignment.epoch + 1, search.epochs + 1):
        metrics = measured(assignment.parameters, epoch)
        if search.report(number, epoch, metrics, checkpoint_of(number, epoch)) is not Decision.CONTINUE:
            return


def drive(search: Search) -> None:
    """Run a search with one worker to its end."""
    while (assignment := search.next_assignment()) is not None:
        train(search, assignment)


def on_record(ledger: Ledger) -> list[dict[str, Any]]:
    """Return what a ledger holds of each trial, without times."""
    return [
        {
            "number": trial.number,
            "parameters": trial.parameters,
            "outcome": trial.outcome,
            "error": trial.error,
            "reports": [(r.epoch, r.metrics, r.rung, r.decision, r.checkpoint) for r in trial.reports],
        }
        for trial in ledger.load()
    ]


class KilledError(Exception):
    """Stands for SIGKILL in a simulation."""


class MortalLedger(SqlLedger):
    """A ledger whose process is killed right after a number of writes."""

    writes_left = 10**9

    @classmethod
    def dying_after(cls, writes: int, ledger: SqlLedger) -> Self:
        """Open the same record by another connection."""
        mortal = cls.open(ledger.url, ledger.search)
        mortal.writes_left = writes
        return mortal

    def propose(self, *arguments: Any, **named: Any) -> int:
        """Write, and perhaps die."""
        number = super().propose(*arguments, **named)
        self._count()
        return number

    def record(self, *arguments: Any, **named: Any) -> bool:
        """Write, and perhaps die."""
        still_running = super().record(*arguments, **named)
        self._count()
        return still_running

    def finish(self, *arguments: Any, **named: Any) -> Any:
        """Write, and perhaps die."""
        record = super().finish(*arguments, **named)
        self._count()
        return record

    def _count(self) -> None:
        self.writes_left -= 1
        if self.writes_left <= 0:
            raise KilledError


def drive_to_the_end(space: Space, ledger: SqlLedger, writes: Callable[[], int], **options: Any) -> int:
    """Run a search whose driver is killed after `writes()` writes, again and again; return the number of kills."""
    kills = 0
    while True:
        mortal = MortalLedger.dying_after(writes(), ledger)
        try:
            drive(Search(space, mortal, **options))
        except KilledError:
            kills += 1
        else:
            return kills
        finally:
            mortal.close()
