"""One Ray Tune run of a search: from the ledger's state until it is finished, interrupted or out of time."""

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from ray import tune
from ray.tune.experiment import Trial

from tuner.engine.adapters import LedgerScheduler, LedgerSearcher
from tuner.engine.callbacks import FailureCallback, FallbackCallback, SteeringCallback
from tuner.engine.checkpoints import CheckpointSweeper, RemoteCheckpointSweeper, Sweeper
from tuner.engine.cluster import trial_limit
from tuner.engine.crashes import Crashes
from tuner.engine.gpu_sharing import GpuShares
from tuner.engine.ray_private import EmptyPickle, ray_task
from tuner.engine.session_interface import Ending, NodeLostError, SessionEvents, SessionOptions
from tuner.engine.signals import handle_signals, interrupt, set_handler
from tuner.engine.trainable import run_trial
from tuner.engine.trial_task import task_of
from tuner.engine.watchdogs import EndTimer, watch_ray
from tuner.ledger import MemoryLedger, trial_name
from tuner.runs.mirror import names_in, place_of, url_of
from tuner.search import Search
from tuner.space import Space
from tuner.steering.steering import Steering

# A search that is asked to end has 30 seconds for everything.
CHECKPOINT_SECONDS = 12.0

RunTrial = Callable[[dict[str, Any]], None]


def run_session(
    search: Search, folder: Path, options: SessionOptions, events: SessionEvents, *, trial: RunTrial = run_trial
) -> Ending:
    """Run trials on the connected Ray cluster, and return how the session ended.

    `folder` belongs to the search alone, and all nodes share it. `trial` runs one trial in a worker, given Ray Tune's
    config of it (`trial_task.task_of`).

    The first Ctrl-C or SIGTERM, or `tuner stop`, ends the session with the next checkpoint of each trial, or 12 seconds
    later. A second one ends it at once with KeyboardInterrupt. `events.on_lost` is called if Ray does not answer any
    more: 20 seconds after a signal that also went to Ray's processes, or 40 seconds after the last sign of life of
    Ray's head (two thirds of Ray's own patience).

    Raise BrokenOffError if trials do nothing but crash, or if what some of them need is away, and NodeLostError if
    Ray's node below this driver has died.
    """
    name = _next_session(folder / "ray")
    resources = search.space.resources
    steering = options.steering or Steering(search, MemoryLedger(), concurrency=options.concurrency)
    limit = trial_limit(resources, lambda: steering.concurrency)
    crashes = Crashes(search, limit)
    search.listeners += [sweeper := _sweeper_of(folder, search.space), crashes]
    stop = StopRequest(options.time_budget_seconds, can_work=lambda: not crashes.too_many, alive=lambda: searcher.alive)
    shares = GpuShares(resources.gpus_per_trial)
    searcher = LedgerSearcher(
        search,
        place_of(folder),
        limit,
        shares,
        options.split_digest,
        start_weights=options.start_weights,
        stopping=lambda: stop.requested,
        last_look=steering.last_look,
    )
    tuner = tune.Tuner(
        tune.with_resources(trial, lambda config: _resources(resources.cpus_per_trial, task_of(config).gpus)),
        tune_config=tune.TuneConfig(
            search_alg=searcher,
            scheduler=LedgerScheduler(search, f"ray/{name}", shares, lambda: stop.requested),
            num_samples=-1,
            reuse_actors=True,
            trial_name_creator=_trial_name,
            trial_dirname_creator=_trial_name,
        ),
        run_config=tune.RunConfig(
            name=name,
            storage_path=place_of(folder / "ray"),
            failure_config=tune.FailureConfig(max_failures=search.space.search.max_failures),
            callbacks=[
                FailureCallback(crashes, events.on_retry, searcher),
                FallbackCallback(events.on_fallback),
                SteeringCallback(steering, stop.request),
            ],
            stop=stop,
            verbose=0,
        ),
    )
    with _supervision(stop, events, sweeper):
        tuner.fit()
    return _ending(search, stop, crashes)


def _sweeper_of(folder: Path, space: Space) -> Sweeper:
    url = url_of(folder)
    return RemoteCheckpointSweeper(url, space) if url else CheckpointSweeper(folder, space)


class StopRequest(EmptyPickle, tune.Stopper):
    """Ray Tune's stopper: the run ends on request, at its time's end, if its node is lost, or if no trial can work.

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
        self.on_request: Callable[[], None] = lambda: None
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
        """End the session with the next checkpoints, or `CHECKPOINT_SECONDS` later; do it once."""
        if self._requested_at is None:
            self._requested_at = self._clock()
            self.on_request()

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


@contextmanager
def _supervision(stop: StopRequest, events: SessionEvents, sweeper: Sweeper) -> Iterator[None]:
    """Handle signals and watch Ray during the block; the timer goes on while the sweeper removes checkpoints."""

    def give_up() -> None:
        broken_off = stop.node_lost and not stop.requested
        events.on_lost(Ending.BROKEN_OFF if broken_off else Ending.INTERRUPTED, "Ray does not answer any more.")

    def lose_node() -> None:
        stop.node_lost = True
        timer.start()

    def lose_head() -> None:
        events.on_lost(Ending.BROKEN_OFF, "Ray's head (its GCS) has died, and with it the trials that ran.")

    def on_request() -> None:
        set_handler(interrupt)
        timer.start()
        events.on_stopping()

    def request_stop(number: int, frame: FrameType | None) -> None:
        del number, frame
        stop.request()

    timer = EndTimer(give_up)
    stop.on_request = on_request
    with timer, closing(sweeper), handle_signals(request_stop), watch_ray(lose_node, lose_head):
        yield


def _ending(search: Search, stop: StopRequest, crashes: Crashes) -> Ending:
    if stop.requested:
        return Ending.FINISHED if search.finished else Ending.INTERRUPTED
    if stop.node_lost and not search.finished:
        raise NodeLostError
    if crashes.too_many:
        raise crashes.verdict
    if stop.out_of_time:
        return Ending.FINISHED if search.finished else Ending.OUT_OF_TIME
    crashes.record_failures()
    if search.finished:
        return Ending.FINISHED
    if (error := crashes.unmended) is not None:
        raise error
    return Ending.BROKEN_OFF


def _resources(cpus: float, gpus: float) -> tune.PlacementGroupFactory:
    if gpus > 1:  # a process for each, all on one node
        processes = round(gpus)
        return tune.PlacementGroupFactory([{"CPU": cpus / processes, "GPU": 1}] * processes, strategy="STRICT_PACK")
    return tune.PlacementGroupFactory([{"CPU": cpus, "GPU": gpus} if gpus > 0 else {"CPU": cpus}])


def _trial_name(trial: Trial) -> str:
    return trial_name(ray_task(trial).number)


def _next_session(folder: Path) -> str:
    endings = [name.removeprefix("session-") for name in names_in(folder) if name.startswith("session-")]
    numbers = [int(ending) for ending in endings if ending.isdecimal()]
    return f"session-{max(numbers, default=0) + 1}"
