"""Run a whole search of this project on a connected Ray cluster, with another function in place of the trainer."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tuner.engine.session_interface import Ending, SessionEvents, SessionOptions
from tuner.ledger import Outcome, SqlLedger
from tuner.runs.folder import default_tracking_uri
from tuner.search import Listener, Search
from tuner.space import Space
from tuner.tracking import store

_NAME = "many"


def run_search(
    space: Space,
    runs_dir: Path,
    trial: Callable[[dict[str, Any]], None],
    *,
    concurrency: int,
    listeners: Sequence[Listener] = (),
    seen: Callable[[Search], None] = lambda _: None,
) -> float:
    """Run the search and return the seconds from its first trial to the last record in MLflow.

    `trial` takes the place of `run_trial` in the workers and reports like it. Ledger and MLflow are files in
    `runs_dir`. `seen` is called with the search at its end.

    Raises:
        RuntimeError: if a trial did not complete, failed or was interrupted, or if MLflow is not complete.
    """
    from tuner.driver.publisher import Publisher
    from tuner.engine.session import run_session
    from tuner.tracking.projection import Projection

    started = time.perf_counter()
    folder = runs_dir / _NAME
    folder.mkdir()
    ledger = SqlLedger.create(f"sqlite:///{folder / 'ledger.db'}", _NAME, space.objective_list, {"search_id": "many-0"})
    search = Search(space, ledger)
    uri = default_tracking_uri(runs_dir)
    projection = Projection(uri, space, _NAME, "many-0", store.artifact_folder(uri, runs_dir))
    publisher = Publisher(space, folder, projection, lambda: search.trials)
    (folder / "space.yaml").write_text("{}\n", encoding="utf-8")
    search.listeners += [publisher, *listeners]
    publisher.start()
    run_session(search, folder, SessionOptions(concurrency=concurrency), _NoEvents(), trial=trial)
    if not publisher.close("FINISHED"):
        raise RuntimeError("MLflow is not complete.")
    seconds = time.perf_counter() - started
    if {trial.outcome for trial in search.trials} != {Outcome.COMPLETED} or len(search.trials) != space.search.trials:
        raise RuntimeError("Not every trial completed.")
    seen(search)
    ledger.close()
    return seconds


class _NoEvents(SessionEvents):
    """Raises RuntimeError for each event: a session that is measured has none."""

    def on_retry(self, number: int, error: str) -> None:
        raise RuntimeError(f"The benchmark was disturbed: trial {number} crashed with {error}")

    def on_fallback(self, text: str) -> None:
        raise RuntimeError(f"The benchmark was disturbed: {text}")

    def on_stopping(self) -> None:
        raise RuntimeError("The benchmark was disturbed by a signal.")

    def on_lost(self, ending: Ending, reason: str) -> None:
        raise RuntimeError(f"The benchmark was disturbed: {ending}: {reason}")
