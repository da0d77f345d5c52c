"""One Ray Tune run of a search: from the ledger's state until it is finished, interrupted or out of time."""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from ray import tune
from ray.tune.experiment import Trial

from tuner.engine.adapters import FailureCallback, LedgerScheduler, LedgerSearcher
from tuner.engine.checkpoints import CheckpointSweeper, RemoteCheckpointSweeper
from tuner.engine.cluster import trial_limit
from tuner.engine.crashes import Crashes
from tuner.engine.ending import BrokenOffError, Ending
from tuner.engine.fallbacks import FallbackCallback
from tuner.engine.gpu_sharing import GpuShares
from tuner.engine.signals import answer, handled_by, interrupt
from tuner.engine.stop_request import StopRequest
from tuner.engine.trainable import run_trial
from tuner.engine.watchdogs import head_is_alive, own_node_is_alive, watch
from tuner.ledger import trial_name
from tuner.runs.mirror import names_in, place_of, url_of
from tuner.search import Search

_PATIENCE_SECONDS = 20.0
# Ray ends its driver itself, without a word, when its head was silent for so long, in seconds. One that comes back
# before that (KubeRay with Redis) may still be found; the last third of the time is for MLflow.
_RAYS_PATIENCE = ("RAY_gcs_rpc_server_reconnect_timeout_s", "60")
_HEAD_PATIENCE_SHARE = 2 / 3


def run_session(
    search: Search,
    folder: Path,
    *,
    concurrency: int | None,
    time_budget_seconds: float | None,
    split_digest: str | None = None,
    on_retry: Callable[[int, str], None],
    on_fallback: Callable[[str], None],
    on_stopping: Callable[[], None],
    on_lost: Callable[[Ending, str], None],
) -> Ending:
    """Run trials on the connected Ray cluster; `folder` is the search's own, shared by all its nodes.

    `split_digest` is that of the validation images, which each node has to find in its data.

    `on_retry` and `on_fallback` are told of crashes, and of what a node does not compute as the space asks.

    Raises BrokenOffError where trials do nothing but crash, or where Ray's node below this driver has died.

    The first Ctrl-C or SIGTERM calls `on_stopping` and ends the session with the next checkpoint of each trial, or 12
    seconds later; a second one ends it at once with KeyboardInterrupt. Where Ray does not answer any more, `on_lost` is
    called from another thread, with how the session ends and why: 20 seconds after a signal that went to Ray's
    processes as well, or 40 seconds after the last sign of life of Ray's head (two thirds of Ray's own patience).
    """
    name = _next_session(folder / "ray")
    resources = search.space.resources
    limit = trial_limit(resources, concurrency)
    crashes = Crashes(search, limit)
    url = url_of(folder)
    sweeper = RemoteCheckpointSweeper(url) if url else CheckpointSweeper(folder)
    search.listeners += [sweeper, crashes]
    stop = StopRequest(time_budget_seconds, hope=lambda: not crashes.too_many, alive=lambda: searcher.alive)
    shares = GpuShares(resources.gpus_per_trial)
    searcher = LedgerSearcher(search, place_of(folder), limit, shares, split_digest, stopping=lambda: stop.requested)
    tuner = tune.Tuner(
        tune.with_resources(run_trial, lambda config: _resources(resources.cpus_per_trial, config["gpus"])),
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
            callbacks=[FailureCallback(crashes, on_retry, searcher), FallbackCallback(on_fallback)],
            stop=stop,
            verbose=0,
        ),
    )

    def give_up() -> None:
        lost = stop.node_lost and not stop.requested
        on_lost(Ending.BROKEN_OFF if lost else Ending.INTERRUPTED, "Ray does not answer any more.")

    watchdog = _Watchdog(give_up)

    def lose_node() -> None:
        stop.node_lost = True
        watchdog.start()

    def lose_head() -> None:
        on_lost(Ending.BROKEN_OFF, "Ray's head (its GCS) has died, and with it the trials that ran.")

    node = watch(own_node_is_alive, lose_node)
    head = watch(
        head_is_alive, lose_head, patience_seconds=float(os.environ.get(*_RAYS_PATIENCE)) * _HEAD_PATIENCE_SHARE
    )
    try:
        with sweeper, _signals(stop, on_stopping, watchdog), node, head:
            tuner.fit()
    finally:
        watchdog.cancel()
    return _ending(search, stop, crashes)


class _Watchdog:
    """Calls `give_up`, from another thread, some seconds after its first start, unless it is cancelled before."""

    def __init__(self, give_up: Callable[[], None]) -> None:
        self._timer = threading.Timer(_PATIENCE_SECONDS, give_up)
        self._timer.daemon = True
        self._unused = threading.Lock()

    def start(self) -> None:
        """Start the time; by whoever comes first, a signal or a thread."""
        if self._unused.acquire(blocking=False):
            self._timer.start()

    def cancel(self) -> None:
        """Call nothing any more."""
        self._timer.cancel()


def _ending(search: Search, stop: StopRequest, crashes: Crashes) -> Ending:
    if stop.requested:
        return Ending.FINISHED if search.finished else Ending.INTERRUPTED
    if stop.node_lost and not search.finished:
        raise BrokenOffError(
            "Ray's node on this machine died, and with it the trials that ran; resume to start it anew."
        )
    if crashes.too_many:
        raise BrokenOffError(crashes.verdict)
    if stop.out_of_time:
        return Ending.FINISHED if search.finished else Ending.OUT_OF_TIME
    crashes.record_failures()
    return Ending.FINISHED if search.finished else Ending.BROKEN_OFF


def _resources(cpus: float, gpus: float) -> tune.PlacementGroupFactory:
    if gpus > 1:  # a process each, all on one node
        processes = round(gpus)
        return tune.PlacementGroupFactory([{"CPU": cpus / processes, "GPU": 1}] * processes, strategy="STRICT_PACK")
    return tune.PlacementGroupFactory([{"CPU": cpus, "GPU": gpus} if gpus > 0 else {"CPU": cpus}])


def _trial_name(trial: Trial) -> str:
    return trial_name(trial.config["number"])


def _next_session(folder: Path) -> str:
    endings = [name.removeprefix("session-") for name in names_in(folder) if name.startswith("session-")]
    numbers = [int(ending) for ending in endings if ending.isdecimal()]
    return f"session-{max(numbers, default=0) + 1}"


@contextmanager
def _signals(stop: StopRequest, on_stopping: Callable[[], None], watchdog: "_Watchdog") -> Iterator[None]:
    def request(number: int, frame: FrameType | None) -> None:
        del number, frame
        stop.request()
        answer(interrupt)
        watchdog.start()
        on_stopping()

    with handled_by(request):
        yield
