"""Ray Tune's scheduler: it passes reports on to a `Search` and returns the decisions that the ledger holds."""

from collections.abc import Callable
from typing import Any

from ray.tune.experiment import Trial
from ray.tune.schedulers import FIFOScheduler, TrialScheduler

from tuner.engine.gpu_sharing import GpuShares
from tuner.engine.ray_private import CHECKPOINT_FOLDER_KEY, EmptyPickle, folder_name, ray_task
from tuner.ledger import Decision
from tuner.search import Search

_METRICS = "metrics/"


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
