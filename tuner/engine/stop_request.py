"""Ray Tune's stopper: when a session ends before its search does."""

import time
from collections.abc import Callable
from typing import Any

from ray import tune

from tuner.engine.not_pickled import Unpickled

# A search that is asked to end has 30 seconds for all of it.
CHECKPOINT_SECONDS = 12.0


class StopRequest(Unpickled, tune.Stopper):
    """Ends the run of Ray Tune when asked to, when its time is over, when its node is lost, or when there is no `hope`.

    The ledger keeps what is unfinished.
    """

    def __init__(
        self, time_budget_seconds: float | None, hope: Callable[[], bool], alive: Callable[[], int] = lambda: 0
    ) -> None:
        """`alive` counts the trials that run: when asked to end, it waits for their next checkpoints, but not long."""
        self.node_lost = False
        self._requested_at: float | None = None
        self._hope = hope
        self._alive = alive
        self._deadline = None if time_budget_seconds is None else time.monotonic() + time_budget_seconds

    @property
    def requested(self) -> bool:
        """Whether the user wants it to end: no trial is handed out, and each ends with its next report."""
        return self._requested_at is not None

    def request(self) -> None:
        """End with the next checkpoints, or a few seconds later."""
        self._requested_at = time.monotonic()

    @property
    def _waited(self) -> bool:
        since = self._requested_at
        return since is not None and (not self._alive() or time.monotonic() - since >= CHECKPOINT_SECONDS)

    @property
    def out_of_time(self) -> bool:
        """Whether the time budget is used."""
        return self._deadline is not None and time.monotonic() >= self._deadline

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        """Stop no single trial: that is the scheduler's decision."""
        del trial_id, result
        return False

    def stop_all(self) -> bool:
        """Ray asks this between events."""
        return self._waited or self.node_lost or self.out_of_time or not self._hope()
