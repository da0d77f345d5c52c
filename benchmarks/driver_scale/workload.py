"""A search whose trials are formulas: their epochs in the order of simulated time, and a ledger of them."""

import heapq
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from optuna.trial import FrozenTrial, TrialState, create_trial

from tuner.ledger import Decision, MemoryLedger, Outcome, SqlLedger, TrialRecord, reports, trial_name
from tuner.ledger.stored_trial import end_mark, start_mark
from tuner.search import Assignment, Search
from tuner.space import Space

# As many as a trial of the shipped spaces reports each epoch.
_OTHER_METRICS = (
    *(f"loss/{term}" for term in ("total", "natural", "adversarial", "shared", "information")),
    *("lambda", "learning_rate", "seconds/train", "seconds/evaluate", "train_accuracy", "gradient_norm"),
)
_STATES = {
    Outcome.RUNNING: TrialState.RUNNING,
    Outcome.COMPLETED: TrialState.COMPLETE,
    Outcome.STOPPED: TrialState.PRUNED,
}


def endless(space: Space, sampler: str) -> Space:
    """Return the space with another sampler, plain rungs and without a limit of trials."""
    search = space.search.model_copy(update={"sampler": sampler, "trials": 10**6, "start_points": []})
    stopping = space.early_stopping.model_copy(update={"scheduler": "mo_asha"})
    return space.model_copy(update={"search": search, "early_stopping": stopping})


def metrics_of(parameters: Mapping[str, Any], number: int, epoch: int) -> dict[str, float]:
    """Return the 13 metrics of an epoch: noisy accuracies that grow, and trade off along lambda."""
    share = math.log(parameters["lambda"] / 0.1) / math.log(300)
    quality = 1 - 0.2 * (parameters["alpha"] - 0.3) ** 2 + 0.03 * math.sin(7919 * number + epoch)
    grown = quality * (1 - math.exp(-epoch / 20))
    metrics = {"natural_accuracy": grown * (0.95 - 0.2 * share**2), "pgd_accuracy": grown * (0.2 + 0.3 * share**0.5)}
    return metrics | {name: grown / (place + 2) for place, name in enumerate(_OTHER_METRICS)}


@dataclass
class Epochs:
    """Trials that run side by side, in the order in which they end epochs; epochs differ in length."""

    seed: int = 0

    def __post_init__(self) -> None:
        self._events: list[tuple[float, int, int]] = []
        self._parameters: dict[int, Mapping[str, Any]] = {}
        self._now = 0.0

    def __len__(self) -> int:
        return len(self._events)

    def start(self, assignment: Assignment) -> None:
        """Start a trial, or continue it after its last epoch."""
        self._parameters[assignment.number] = assignment.parameters
        self._push(assignment.number, assignment.epoch + 1)

    def next(self) -> tuple[int, int, dict[str, float]]:
        """Return number, epoch and metrics of the trial that ends an epoch next."""
        self._now, number, epoch = heapq.heappop(self._events)
        return number, epoch, metrics_of(self._parameters[number], number, epoch)

    def go_on(self, number: int, epoch: int) -> None:
        """Let a trial train the next epoch."""
        self._push(number, epoch + 1)

    def _push(self, number: int, epoch: int) -> None:
        seconds = float(np.random.default_rng((self.seed, number, epoch)).lognormal(0.0, 0.3))
        heapq.heappush(self._events, (self._now + seconds, number, epoch))


def grown_search(space: Space, concurrency: int, ended: int) -> list[TrialRecord]:
    """Return the trials of a random search in which `concurrency` trials run and `ended` trials have ended."""
    search, epochs = Search(endless(space, "random"), MemoryLedger()), Epochs()
    while True:
        while len(epochs) < concurrency:
            assignment = search.next_assignment()
            if assignment is None:
                raise RuntimeError("The search ended, but this benchmark needs a space without a limit of trials.")
            if assignment.number >= ended + concurrency:
                return search.trials[: ended + concurrency]
            epochs.start(assignment)
        number, epoch, metrics = epochs.next()
        checkpoint = f"ray/session-1/{trial_name(number)}/checkpoint_{epoch - 1:06d}"
        if search.report(number, epoch, metrics, checkpoint) is Decision.CONTINUE:
            epochs.go_on(number, epoch)


def write_ledger(url: str, name: str, space: Space, trials: Sequence[TrialRecord], **facts: Any) -> None:
    """Create a ledger with these trials and facts, in few large transactions."""
    facts |= {"search_id": f"{name}-0", "space": space.model_dump(mode="json")}
    ledger = SqlLedger.create(url, name, space.objective_list, facts)
    frozen = [_frozen(space, trial, facts["search_id"]) for trial in trials]
    ledger._study.add_trials(frozen)  # noqa: SLF001
    rows = [reports.row_of(name, trial.number, report) for trial in trials for report in trial.reports]
    with ledger._engine.begin() as connection:  # noqa: SLF001
        for start in range(0, len(rows), 10_000):
            connection.execute(reports.table.insert(), rows[start : start + 10_000])
    ledger.close()


def _frozen(space: Space, trial: TrialRecord, search_id: str) -> FrozenTrial:
    completed = trial.outcome is Outcome.COMPLETED
    return create_trial(
        state=_STATES[trial.outcome],
        values=[trial.last_metrics[o.name] for o in space.objective_list] if completed else None,
        params=dict(trial.parameters),
        distributions=space.distributions(),
        user_attrs=start_mark(search_id, trial.number, trial.started, enqueued=False)
        | (end_mark(trial.outcome, trial.ended) if trial.ended else {}),
    )
