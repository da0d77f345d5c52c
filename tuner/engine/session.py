"""One Ray Tune run of a search: from the ledger's state until it is finished, interrupted or out of time."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from ray import tune
from ray.tune.experiment import Trial

from tuner.engine.adapters import FailureCallback, LedgerScheduler, LedgerSearcher, StopRequest
from tuner.engine.cluster import trial_limit
from tuner.engine.ending import Ending
from tuner.engine.trainable import run_trial
from tuner.ledger import trial_name
from tuner.search import Search


def run_session(
    search: Search,
    folder: Path,
    *,
    concurrency: int | None,
    time_budget_seconds: float | None,
    on_retry: Callable[[int, str], None],
) -> Ending:
    """Run trials on the connected Ray cluster; `folder` is the search's own, shared by all its nodes.

    The first Ctrl-C or SIGTERM ends the session with what the ledger holds, a second one at once.
    """
    name = _next_session(folder / "ray")
    resources = search.space.resources
    stop = StopRequest(time_budget_seconds)
    tuner = tune.Tuner(
        tune.with_resources(run_trial, {"cpu": resources.cpus_per_trial, "gpu": resources.gpus_per_trial}),
        tune_config=tune.TuneConfig(
            search_alg=LedgerSearcher(search, str(folder), trial_limit(resources, concurrency)),
            scheduler=LedgerScheduler(search, f"ray/{name}"),
            num_samples=-1,
            reuse_actors=True,
            trial_name_creator=_trial_name,
            trial_dirname_creator=_trial_name,
        ),
        run_config=tune.RunConfig(
            name=name,
            storage_path=str(folder / "ray"),
            failure_config=tune.FailureConfig(max_failures=search.space.search.max_failures),
            callbacks=[FailureCallback(search, on_retry)],
            stop=stop,
            verbose=0,
        ),
    )
    with _signals(stop):
        tuner.fit()
    if stop.requested:
        return Ending.INTERRUPTED
    return Ending.FINISHED if search.finished else Ending.OUT_OF_TIME


def _trial_name(trial: Trial) -> str:
    return trial_name(trial.config["number"])


def _next_session(folder: Path) -> str:
    numbers = [int(path.name.removeprefix("session-")) for path in folder.glob("session-*")]
    return f"session-{max(numbers, default=0) + 1}"


@contextmanager
def _signals(stop: StopRequest) -> Iterator[None]:
    """Turn the first signal into a request; the second finds the handlers that were there before."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def request(number: int, frame: FrameType | None) -> None:
        del number, frame
        stop.requested = True
        restore()

    for number in before:
        signal.signal(number, request)
    try:
        yield
    finally:
        restore()
