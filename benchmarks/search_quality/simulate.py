"""One search in simulated time: workers that report epochs to `tuner.search.Search`, and a ledger in memory."""

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from benchmarks.search_quality.tasks import LOSSES, Task
from tuner.ledger import Decision, Ledger, Outcome, Report, TrialRecord
from tuner.search import Search
from tuner.space import Space


class TaskSpace(Space):
    """The space of a task, whose epochs are its own and not those of a training configuration."""

    task_epochs: int

    @property
    def epochs(self) -> int:
        """The budget of one trial in epochs."""
        return self.task_epochs


class MemoryLedger(Ledger):
    """A ledger that forgets: what a search writes is kept for its reader in this process only."""

    def __init__(self) -> None:
        self._records: list[TrialRecord] = []
        self._time = 0.0

    def load(self) -> list[TrialRecord]:
        """Give the trials by number."""
        return list(self._records)

    def facts(self) -> dict[str, Any]:
        """Give no facts."""
        return {}

    def propose(self, parameters: Mapping[str, Any], distributions: Mapping[str, Any]) -> int:
        """Note a new trial."""
        del distributions
        self._records.append(TrialRecord(len(self._records), dict(parameters), Outcome.RUNNING, 0.0))
        return len(self._records) - 1

    def record(self, number: int, report: Report) -> None:
        """Note an epoch."""
        trial = self._records[number]
        self._records[number] = replace(trial, reports=(*trial.reports, report))

    def reports_at(self, epochs: Iterable[int]) -> Iterator[tuple[int, Report]]:
        """Give the reports at some epochs by number."""
        wanted = set(epochs)
        return ((t.number, report) for t in self._records for report in t.reports if report.epoch in wanted)

    def finish(
        self, number: int, outcome: Outcome, values: Sequence[float] | None = None, error: str | None = None
    ) -> TrialRecord:
        """Note the end of a trial."""
        del values, error
        self._time += 1
        self._records[number] = replace(self._records[number], outcome=outcome, ended=self._time)
        return self._records[number]


@dataclass(frozen=True)
class FullTraining:
    """A trial that was trained for the whole budget: epochs spent by all trials until then, and its final losses."""

    spent: int
    losses: tuple[float, float]


def space_of(task: Task, search: Mapping[str, Any], early_stopping: Mapping[str, Any], max_epochs: int) -> TaskSpace:
    """Give the space of a task for a search that ends with its epochs."""
    return TaskSpace.model_validate(
        {
            "name": task.name,
            "trial": {},
            "parameters": task.parameters,
            "objectives": {name: {"direction": "minimize"} for name in LOSSES},
            "search": {"trials": 10**6, "max_epochs": max_epochs, **search},
            "early_stopping": {"grace_epochs": task.grace_epochs, **early_stopping},
            "task_epochs": task.epochs,
        }
    )


def simulate(task: Task, space: TaskSpace, workers: int) -> list[FullTraining]:
    """Run a search until `search.max_epochs` are spent, and give its full trainings in the order of their ends."""
    search = Search(space, MemoryLedger())
    events: list[tuple[float, int, int]] = []  # (time, trial, epoch that ends then)
    curves: dict[int, Any] = {}
    lengths: dict[int, float] = {}
    completed: list[FullTraining] = []

    def start(time: float) -> None:
        assignment = search.next_assignment()
        if assignment is not None:
            curves[assignment.number] = task.curve(assignment.parameters)
            lengths[assignment.number] = task.seconds(assignment.parameters)
            heapq.heappush(events, (time + lengths[assignment.number], assignment.number, 1))

    for worker in range(workers):
        start(worker * 1e-6)
    budget, spent = space.search.max_epochs or 0, 0
    while events and spent < budget:
        time, number, epoch = heapq.heappop(events)
        spent += 1
        first, second = curves[number][epoch - 1].tolist()
        decision = search.report(number, epoch, dict(zip(LOSSES, (first, second), strict=True)), None)
        if decision is Decision.CONTINUE:
            heapq.heappush(events, (time + lengths[number], number, epoch + 1))
            continue
        if decision is Decision.COMPLETE:
            completed.append(FullTraining(spent, (first, second)))
        del curves[number]
        start(time)
    return completed
