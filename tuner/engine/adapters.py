"""Ray Tune's searcher, scheduler and callback: they pass events to `Search` and decide nothing."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ray import tune
from ray.tune.execution.tune_controller import TuneController
from ray.tune.experiment import Trial
from ray.tune.schedulers import FIFOScheduler, TrialScheduler
from ray.tune.search import Searcher

from tuner.engine.crashes import Crashes
from tuner.engine.gpu_sharing import GpuShares
from tuner.engine.not_pickled import Unpickled
from tuner.engine.trainable import threads_for
from tuner.ledger import Decision, trial_name
from tuner.redact import redact
from tuner.search import Search

_METRICS = "metrics/"


class LedgerSearcher(Unpickled, Searcher):
    """Hands out the search's assignments, as long as fewer than `limit()` trials are alive."""

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
        """Trials look into `checkpoint_root` for their checkpoints; `split_digest` is that of all validation images."""
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
        """How many trials run."""
        return len(self._alive)

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:  # type: ignore[override]  # FINISHED is a string
        """Give the next trial's configuration, None to be asked again later, FINISHED when none is left.

        As long as a trial is alive one may be left: it may have to be handed out again.
        """
        if self._stopping() or len(self._alive) >= self._limit():
            return None
        assignment = self._search.next_assignment()
        if assignment is None:
            return None if self._alive else str(Searcher.FINISHED)
        self._alive.add(trial_id)
        space = self._search.space
        return {
            "number": assignment.number,
            "trial": space.trial_config(assignment.parameters).to_mapping(),
            "split_digest": self._split_digest,
            "checkpoints": [f"{self._checkpoint_root}/{path}" for path in assignment.checkpoints],
            "gpus": self._shares.of(assignment.number),
            "device": "cuda" if space.resources.gpus_per_trial > 0 else "cpu",
            "threads": threads_for(space.resources.cpus_per_trial, space.resources.processes_per_trial),
            "processes": space.resources.processes_per_trial,
            "confirmation": self._confirmation(assignment.number),
        }

    def _confirmation(self, number: int) -> dict[str, Any] | None:
        """Give what a trial of a confirmation has to do beside training; None in a search."""
        confirm = self._search.space.confirm
        if confirm is None:
            return None
        runs_dir = self._checkpoint_root.rpartition("/")[0]
        weights = None if confirm.retrain else f"{runs_dir}/{confirm.checkpoints[number % len(confirm.trials)]}"
        folder = f"{self._checkpoint_root}/evaluations/{trial_name(number)}"
        return {"suite": confirm.suite, "images": confirm.images, "folder": folder, "weights": weights}

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """Free the place of a trial; how it ended is decided by its reports or by `FailureCallback`."""
        del result, error
        self._alive.discard(trial_id)

    def save(self, checkpoint_path: str) -> None:
        """Save nothing: the ledger holds the state."""

    def restore(self, checkpoint_path: str) -> None:
        """Restore nothing: a resumed search is a new Ray Tune run on the same ledger."""


class LedgerScheduler(Unpickled, FIFOScheduler):
    """Records each report and returns the decision that the ledger holds for it."""

    def __init__(
        self,
        search: Search,
        checkpoint_prefix: str,
        shares: GpuShares,
        stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        """While it is `stopping` each trial ends with its report, whatever is decided on it: it is resumed later."""
        super().__init__()  # type: ignore[no-untyped-call]
        self._stopping = stopping
        self._search = search
        self._checkpoint_prefix = checkpoint_prefix
        self._shares = shares

    def on_trial_result(self, tune_controller: TuneController, trial: Trial, result: dict[str, Any]) -> str:
        """Pass one report on; Ray gives it flattened, with keys such as `metrics/loss/total`."""
        del tune_controller
        number = trial.config["number"]
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
        folder = result.get("checkpoint_dir_name")
        # Not by the trial's name: Ray gives another folder to one that is handed out twice in a session.
        storage: Any = trial.storage
        checkpoint = f"{self._checkpoint_prefix}/{storage.trial_dir_name}/{folder}" if folder else None
        decision = self._search.report(number, result["epoch"], metrics, checkpoint)
        goes_on = decision is Decision.CONTINUE and not self._stopping()
        return str(TrialScheduler.CONTINUE if goes_on else TrialScheduler.STOP)


class FailureCallback(Unpickled, tune.Callback):
    """Passes crashes on, with their tracebacks, and tells of retries; `searcher` is told of what Ray tells nobody."""

    def __init__(self, crashes: Crashes, on_retry: Callable[[int, str], None], searcher: LedgerSearcher) -> None:
        self._crashes = crashes
        self._on_retry = on_retry
        self._searcher = searcher
        self._given_up: set[str] = set()
        self._counted: dict[str, int] = {}

    def on_trial_start(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        """Tell Ray how many retries a trial has left."""
        del iteration, trials, info
        self._grant(trial)

    def on_trial_result(
        self, iteration: int, trials: list[Trial], trial: Trial, result: dict[str, Any], **info: Any
    ) -> None:
        """An epoch was trained and recorded, unless the report is of an error."""
        del iteration, trials, info
        if "out_of_memory" in result:
            self._on_retry(trial.config["number"], result["out_of_memory"])
        elif "error" not in result:
            self._crashes.epoch_trained()
            self._grant(trial)

    def on_trial_complete(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        """Forget what Ray keeps of an ended trial's metrics, most of the memory of a driver with 10,000 of them."""
        del iteration, trials, info
        trial.run_metadata.metric_analysis.clear()
        trial.run_metadata.metric_n_steps.clear()

    def on_trial_recover(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        """Ray restarts a crashed trial from its last checkpoint."""
        del iteration, trials, info
        number, error = trial.config["number"], _traceback(trial)
        own = trial.num_failures > self._counted.get(trial.trial_id, 0)
        self._counted[trial.trial_id] = trial.num_failures
        self._crashes.retried(number, error, own=own)
        self._on_retry(number, error)

    def on_trial_error(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        """Ray gives a crashed trial up."""
        del iteration, trials, info
        self._given_up.add(trial.trial_id)
        number, error = trial.config["number"], _traceback(trial)
        if self._crashes.given_up(number, error):
            self._on_retry(number, error)

    def _grant(self, trial: Trial) -> None:
        """Ray counts a trial's failures from the session's start to its end, and knows of no new epochs."""
        trial.max_failures = trial.num_failures + self._crashes.retries_left(trial.config["number"])

    def on_step_end(self, iteration: int, trials: list[Trial], **info: Any) -> None:
        """Find the trials whose process could not be made ready: Ray ends them without a word."""
        for trial in trials:
            if trial.status == Trial.ERROR and trial.trial_id not in self._given_up:
                self._searcher.on_trial_complete(trial.trial_id, error=True)
                self.on_trial_error(iteration, trials, trial, **info)


def _traceback(trial: Trial) -> str:
    """Give the last failure's text; Ray keeps it in a local file of the driver before any other place."""
    path = trial.error_file
    if path is None or not Path(path).is_file():
        return "the trial's process ended without an error message"
    failures = Path(path).read_text(encoding="utf-8", errors="replace").split("Failure # ")
    return redact(failures[-1].strip())
