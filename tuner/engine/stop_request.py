"""Ray Tune's stopper: it decides when a session ends before its search does."""

import time
from collections.abc import Callable
from typing import Any

from ray import tune

from tuner.engine.ray_private import EmptyPickle

# A search that is asked to end has 30 seconds for everything.
CHECKPOINT_SECONDS = 12.0


class StopRequest(EmptyPickle, tune.Stopper):
    """Ends the run of Ray Tune on request, at the end of its time, when its node is lost, or when no trial can work.

    The ledger keeps what is unfinished.
    """

    def __init__(
        self,
        time_budget_seconds: float | None,
        *,
        can_work: Callable[[], bool] = lambda: True,
        alive: Callable[[], int] = lambda: 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`alive()` is the number of trials that run; after a request the stopper waits for their next checkpoints."""
        self.node_lost = False
        self._requested_at: float | None = None
        self._can_work = can_work
        self._alive = alive
        self._clock = clock
        self._deadline = None if time_budget_seconds is None else clock() + time_budget_seconds

    @property
    def requested(self) -> bool:
        """Whether the user wants the session to end: no trial is handed out, and each ends with its next report."""
        return self._requested_at is not None

    def request(self) -> None:
        """End the session with the next checkpoints, or `CHECKPOINT_SECONDS` later."""
        self._requested_at = self._clock()

    @property
    def out_of_time(self) -> bool:
        """Whether the time budget is used."""
        return self._deadline is not None and self._clock() >= self._deadline

    @property
    def _has_waited(self) -> bool:
        since = self._requested_at
        return since is not None and (not self._alive() or self._clock() - since >= CHECKPOINT_SECONDS)

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        """Return False: the scheduler stops single trials."""
        del trial_id, result
        return False

    def stop_all(self) -> bool:
        """Return whether the session must end now; Ray asks this between events."""
        return self._has_waited or self.node_lost or self.out_of_time or not self._can_work()
