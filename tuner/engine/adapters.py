"""Ray Tune's searcher and scheduler: they pass proposals and decisions of a `Search` on, and decide nothing."""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ray.tune.experiment import Trial
from ray.tune.schedulers import FIFOScheduler, TrialScheduler
from ray.tune.search import Searcher

from tuner.engine.gpu_sharing import GpuShares
from tuner.engine.ray_private import CHECKPOINT_FOLDER_KEY, EmptyPickle, folder_name, ray_task
from tuner.engine.slow_proposals import SlowProposals
from tuner.engine.trial_task import ConfirmationTask, KeptEpochs, TrialTask
from tuner.ledger import Decision, trial_name
from tuner.search import Assignment, Search

_METRICS = "metrics/"
_NO_FILES: Mapping[str, str] = MappingProxyType({})


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
        start_weights: Mapping[str, str] = _NO_FILES,
        stopping: Callable[[], bool] = lambda: False,
        last_look: Callable[[], bool] = lambda: False,
    ) -> None:
        """Trials look for their checkpoints in `checkpoint_root`; `split_digest` is that of all validation images.

        `start_weights` has the hash of each file of weights by its path. `last_look()` is called when no trial is left;
        it returns whether there may be one now.
        """
        super().__init__()
        self._search = search
        self._shares = shares
        self._split_digest = split_digest
        self._start_weights = start_weights
        self._checkpoint_root = checkpoint_root
        self._limit = limit
        self._alive: set[str] = set()
        self._stopping = stopping
        self._last_look = last_look
        self._proposals = SlowProposals(search)

    @property
    def alive(self) -> int:
        """The number of trials that run."""
        return len(self._alive)

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:  # type: ignore[override]  # FINISHED is a string
        """Return the next trial's config, None if Ray must ask again later, FINISHED if no trial is left.

        While a trial is alive, one may be left: the trial that runs may have to be handed out again.
        """
        if self._stopping() or len(self._alive) >= self._limit() or not self._proposals.ready():
            return None
        assignment = self._search.next_assignment()
        if assignment is None:
            return None if self._alive or self._last_look() else str(Searcher.FINISHED)
        self._alive.add(trial_id)
        return self._task(assignment).to_ray_config()

    def checkpoints(self, number: int) -> tuple[str, ...]:
        """Return the paths of the checkpoints on record from which a trial may continue, the newest first."""
        return tuple(f"{self._checkpoint_root}/{path}" for path in self._search.checkpoints(number))

    def _task(self, assignment: Assignment) -> TrialTask:
        space = self._search.space
        resources = space.resources
        config = space.trial_config(assignment.parameters)
        return TrialTask(
            number=assignment.number,
            config=config,
            checkpoints=self.checkpoints(assignment.number),
            device="cuda" if resources.gpus_per_trial > 0 else "cpu",
            gpus=self._shares.of(assignment.number),
            threads=resources.threads_per_process,
            processes=resources.processes_per_trial,
            split_digest=self._split_digest,
            start_digest=self._start_weights.get(str(Path(config.start_weights).expanduser())),
            confirmation=self._confirmation(assignment),
            kept=KeptEpochs(space.objective_list, space.constraint_list) if space.every_epoch else None,
        )

    def _confirmation(self, assignment: Assignment) -> ConfirmationTask | None:
        space = self._search.space
        if (confirm := space.confirm) is None:
            return None
        runs_dir = self._checkpoint_root.rpartition("/")[0]
        index = space.point_index(assignment.parameters)
        return ConfirmationTask(
            suite=confirm.suite,
            attacks=tuple(confirm.attacks),
            epsilon=confirm.epsilon,
            norm=confirm.norm,
            images=confirm.images,
            folder=f"{self._checkpoint_root}/evaluations/{trial_name(assignment.number)}",
            weights=None if confirm.retrain else f"{runs_dir}/{confirm.checkpoints[index]}",
        )

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """Free the trial's place; its reports or `FailureCallback` decide how it ended."""
        del result, error
        self._alive.discard(trial_id)

    def save(self, checkpoint_path: str) -> None:
        """Save nothing: the ledger holds the state."""

    def restore(self, checkpoint_path: str) -> None:
        """Restore nothing: a resumed search is a new Ray Tune run on the same ledger."""


class LedgerScheduler(EmptyPickle, FIFOScheduler):
    """Records each report and returns the decision on it."""

    def __init__(
        self, search: Search, checkpoint_prefix: str, shares: GpuShares, stopping: Callable[[], bool] = lambda: False
    ) -> None:
        """While `stopping()` is true each trial ends with its next report, whatever the decision: it is resumed later.

        `checkpoint_prefix` is the session's folder, relative to that of the search.
        """
        super().__init__()  # type: ignore[no-untyped-call]
        self._stopping = stopping
        self._search = search
        self._checkpoint_prefix = checkpoint_prefix
        self._shares = shares

    def on_trial_result(self, tune_controller: Any, trial: Trial, result: dict[str, Any]) -> str:
        """Record one report, which Ray passes with flat keys such as `metrics/loss/total`, and return the decision."""
        del tune_controller
        number = ray_task(trial).number
        if "error" in result:
            self._search.fail(number, result["error"])
            return str(TrialScheduler.STOP)
        if "out_of_memory" in result:
            self._shares.enlarge(number)
            self._search.hand_out_again(number)
            return str(TrialScheduler.STOP)
        metrics = {
            key.removeprefix(_METRICS): float(value) for key, value in result.items() if key.startswith(_METRICS)
        }
        folder = result.get(CHECKPOINT_FOLDER_KEY)
        checkpoint = f"{self._checkpoint_prefix}/{folder_name(trial)}/{folder}" if folder else None
        decision = self._search.report(number, result["epoch"], metrics, checkpoint)
        goes_on = decision is Decision.CONTINUE and not self._stopping()
        return str(TrialScheduler.CONTINUE if goes_on else TrialScheduler.STOP)
