"""Part (a): the driver's layers alone, through Ray Tune's adapters but without Ray; the trials are formulas.

First it writes a search that has run for a while: as many trials are running as will report, and as many have ended, at
least 200. Then each report goes through the scheduler's adapter, which returns when report and decision are durable. A
trial that ends is replaced by one that the searcher proposes. Meanwhile a thread writes to MLflow.
"""

import contextlib
import io
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import numpy as np
from rich.console import Console

from benchmarks import postgres_server
from benchmarks.driver_scale.mlflow_runs import lay_down
from benchmarks.driver_scale.workload import Epochs, endless, grown_search, write_ledger
from tuner.driver.progress import PlainProgress
from tuner.driver.publisher import _FILES, _TRIALS, Publisher
from tuner.engine.adapters import LedgerScheduler, LedgerSearcher
from tuner.engine.gpu_sharing import GpuShares
from tuner.engine.trial_task import task_of
from tuner.ledger import SqlLedger, trial_name
from tuner.runs.folder import SearchFolder, default_tracking_uri
from tuner.search import Assignment, Listener, Search
from tuner.space import load_space
from tuner.tracking import search_runs, store
from tuner.tracking.projection import Projection

_FEWEST_ENDED = 200


@dataclass(frozen=True)
class Setting:
    """One measurement; if `ledger_url` is None the ledger is SQLite in the search's folder."""

    concurrency: int
    seconds: float
    sampler: str = "motpe"
    tracking: bool = True
    ledger_url: str | None = None
    tracking_uri: str | None = None


def measure(setting: Setting) -> dict[str, Any]:
    """Return the reports a second and what a report costs."""
    space = endless(load_space("cifar10_tradeoff"), setting.sampler)
    with tempfile.TemporaryDirectory() as name:
        folder = SearchFolder(Path(name) / "scale")
        folder.path.mkdir()
        url = setting.ledger_url or f"sqlite:///{folder.path / 'ledger.db'}"
        ended = max(_FEWEST_ENDED, setting.concurrency)
        write_ledger(url, "scale", space, grown_search(space, setting.concurrency, ended))
        ledger = SqlLedger.open(url, "scale")
        ledger.take_over()  # as a driver does: its writes are checked from then on
        search = Search(space, ledger)
        before = {trial.number: trial.epochs_trained for trial in search.trials}
        search.listeners.append(PlainProgress(search, Console(file=io.StringIO())))
        uri = setting.tracking_uri or default_tracking_uri(Path(name))
        with _tracked(setting, search, folder, uri) as lag:
            figures = _run(search, setting)
            figures["tracking_lag_reports"] = lag()
        _require_durable(url, before, figures["reports"])
        ledger.close()
    return figures


def measure_on_postgres(setting: Setting) -> dict[str, Any]:
    """Measure with the ledger on a new PostgreSQL server, which writes to the disk before it answers."""
    with postgres_server.server(durable=True) as address:
        return measure(replace(setting, ledger_url=f"postgresql://{address}/postgres"))


def _run(search: Search, setting: Setting) -> dict[str, Any]:
    shares = GpuShares(search.space.resources.gpus_per_trial)
    searcher = LedgerSearcher(search, "runs", lambda: setting.concurrency, shares)
    scheduler = LedgerScheduler(search, "ray/session-1", shares)
    epochs = Epochs(seed=1)
    search.listeners.append(_Starts(epochs))
    alive: dict[int, str] = {}
    configs: dict[int, Any] = {}
    handed_out = 0

    def fill() -> None:
        nonlocal handed_out
        while len(epochs) < setting.concurrency:
            trial_id = str(handed_out)
            config: Any = searcher.suggest(trial_id)
            number = task_of(config).number
            alive[number], configs[number] = trial_id, config
            handed_out += 1

    fill()  # with the trials that were running
    waits: list[float] = []
    proposals = handed_out
    started, computed = time.perf_counter(), time.thread_time()
    while time.perf_counter() - started < setting.seconds:
        number, epoch, metrics = epochs.next()
        result = {"epoch": epoch, "checkpoint_dir_name": f"checkpoint_{epoch - 1:06d}"}
        result |= {f"metrics/{key}": value for key, value in metrics.items()}
        trial: Any = SimpleNamespace(config=configs[number], storage=SimpleNamespace(trial_dir_name=trial_name(number)))
        asked = time.perf_counter()
        decision = scheduler.on_trial_result(None, trial, result)
        if decision == LedgerScheduler.CONTINUE:
            epochs.go_on(number, epoch)
        else:
            searcher.on_trial_complete(alive.pop(number), result)
            del configs[number]
            fill()
        waits.append(time.perf_counter() - asked)
    seconds, computed = time.perf_counter() - started, time.thread_time() - computed
    return {
        "reports": len(waits),
        "reports_per_second": round(len(waits) / seconds, 1),
        "proposals": handed_out - proposals,
        "cpu_milliseconds_per_report": round(1000 * computed / len(waits), 2),
        "milliseconds_median": round(1000 * float(np.median(waits)), 2),
        "milliseconds_99_percent": round(1000 * float(np.quantile(waits, 0.99)), 1),
        "milliseconds_longest": round(1000 * max(waits), 1),
    }


class _Starts(Listener):
    """Listens to a search and starts the trials that it assigns."""

    def __init__(self, epochs: Epochs) -> None:
        self._epochs = epochs

    def on_started(self, assignment: Assignment) -> None:
        self._epochs.start(assignment)


@contextlib.contextmanager
def _tracked(setting: Setting, search: Search, folder: SearchFolder, uri: str) -> Iterator[Any]:
    """Publish the search while the block runs; yield a function that counts the reports MLflow lacks."""
    if not setting.tracking:
        yield lambda: None
        return
    artifacts = store.artifact_folder(uri, folder.path.parent)
    lay_down(uri, search.space, search.trials, search="scale", search_id="scale-0", artifacts=str(artifacts))
    projection = Projection(uri, search.space, "scale", "scale-0", artifacts)
    publisher = Publisher(search.space, folder.path, projection, lambda: search.trials)
    search.listeners.append(publisher)
    publisher.start()

    def lag() -> int:
        runs = projection._runs  # noqa: SLF001
        children = list(runs.children.items()) if runs is not None else []
        logged = {number: child.epochs_logged for number, child in children}
        return sum(trial.epochs_trained - logged.get(trial.number, 0) for trial in search.trials)

    yield lag
    # Do not write the rest: it would take long and says nothing about the driver.
    publisher._closing.set()  # noqa: SLF001
    publisher._failing = {_TRIALS, _FILES}  # noqa: SLF001 - so that it prints no warning
    with mock.patch.object(search_runs, "log", _broken_off):
        publisher._thread.join()  # noqa: SLF001


def _broken_off(*_: Any, **__: Any) -> None:
    raise InterruptedError


def _require_durable(url: str, before: dict[int, int], reports: int) -> None:
    again = SqlLedger.open(url, "scale")
    found = sum(trial.epochs_trained - before.get(trial.number, 0) for trial in again.load())
    again.close()
    if found != reports:
        raise RuntimeError(f"The ledger holds {found} new reports, but the search decided on {reports}.")
