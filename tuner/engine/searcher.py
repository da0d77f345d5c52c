"""Ray Tune's searcher: it hands out the trials that a `Search` proposes, and decides nothing."""

import math
from collections.abc import Callable
from typing import Any

from ray.tune.search import Searcher

from tuner.engine.gpu_sharing import GpuShares
from tuner.engine.ray_private import EmptyPickle
from tuner.engine.trial_task import ConfirmationTask, TrialTask
from tuner.ledger import trial_name
from tuner.search import Assignment, Search


class LedgerSearcher(EmptyPickle, Searcher):
    """Hands out the search's trials while fewer than `limit()` of them are alive."""

    def __init__(
        self,
        search: Search,
        checkpoint_root: str,
        limit: Callable[[], int],
        shares: GpuShares,
        split_digest: str | None = None,
        *,
        stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        """Trials look for their checkpoints in `checkpoint_root`; `split_digest` is that of all validation images."""
        super().__init__()
        self._search = search
        self._shares = shares
        self._split_digest = split_digest
        self._checkpoint_root = checkpoint_root
        self._limit = limit
        self._alive: set[str] = set()
        self._stopping = stopping

    @property
    def alive(self) -> int:
        """The number of trials that run."""
        return len(self._alive)

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:  # type: ignore[override]  # FINISHED is a string
        """Return the next trial's config, None if Ray must ask again later, FINISHED if no trial is left.

        While a trial is alive, one may be left: the trial that runs may have to be handed out again.
        """
        if self._stopping() or len(self._alive) >= self._limit():
            return None
        assignment = self._search.next_assignment()
        if assignment is None:
            return None if self._alive else str(Searcher.FINISHED)
        self._alive.add(trial_id)
        return self._task(assignment).to_ray_config()

    def _task(self, assignment: Assignment) -> TrialTask:
        space = self._search.space
        resources = space.resources
        return TrialTask(
            number=assignment.number,
            config=space.trial_config(assignment.parameters),
            checkpoints=tuple(f"{self._checkpoint_root}/{path}" for path in assignment.checkpoints),
            device="cuda" if resources.gpus_per_trial > 0 else "cpu",
            gpus=self._shares.of(assignment.number),
            threads=threads_for(resources.cpus_per_trial, resources.processes_per_trial),
            processes=resources.processes_per_trial,
            split_digest=self._split_digest,
            confirmation=self._confirmation(assignment.number),
        )

    def _confirmation(self, number: int) -> ConfirmationTask | None:
        confirm = self._search.space.confirm
        if confirm is None:
            return None
        runs_dir = self._checkpoint_root.rpartition("/")[0]
        return ConfirmationTask(
            suite=confirm.suite,
            images=confirm.images,
            folder=f"{self._checkpoint_root}/evaluations/{trial_name(number)}",
            weights=None if confirm.retrain else f"{runs_dir}/{confirm.checkpoints[number % len(confirm.trials)]}",
        )

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """Free the trial's place; its reports or `FailureCallback` decide how it ended."""
        del result, error
        self._alive.discard(trial_id)

    def save(self, checkpoint_path: str) -> None:
        """Save nothing: the ledger holds the state."""

    def restore(self, checkpoint_path: str) -> None:
        """Restore nothing: a resumed search is a new Ray Tune run on the same ledger."""


def threads_for(cpus_per_trial: float, processes: int) -> int:
    """Return the torch threads of each process of a trial: its share of whole CPUs, at least one."""
    return max(1, math.floor(cpus_per_trial / processes))
