"""Runs a search from Python, as `tuner run` does."""

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from training.explained_error import ExplainedError
from tuner.api.checked_space import content
from tuner.api.opened_search import Search, load, opened_runs
from tuner.driver.drive import drive_search
from tuner.driver.plan import Request, plan_search
from tuner.driver.progress.summary import EXIT_CODES
from tuner.engine.session_interface import Ending
from tuner.errors import UsageError
from tuner.space import Space as CheckedSpace


class SearchFailedError(ExplainedError):
    """A search broke off, or all its trials failed; the reason was printed. `subject` is its name."""


def run(
    space: str | Path | Mapping[str, Any] | CheckedSpace | None = None,
    *,
    name: str | None = None,
    resume: str | None = None,
    resume_or_start: bool = False,
    trials: int | None = None,
    epochs: int | None = None,
    seed: int | None = None,
    concurrency: int | None = None,
    gpus_per_trial: float | None = None,
    cpus_per_trial: float | None = None,
    time_budget_seconds: float | None = None,
    runs_dir: str | Path | None = None,
    tracking_uri: str | None = None,
    ledger: str | None = None,
    address: str | None = None,
    data_root: str | Path | None = None,
    warm_start: Sequence[str] = (),
    accept_changed_code: bool = False,
    verbosity: int = 0,
) -> Search:
    """Run a search to its end, or until `time_budget_seconds` are over, and return what it found.

    `space` is the name of a space, the path of a file, the content of one, or a Space. The other arguments are the
    options of `tuner run`, with the same defaults and the same variables of the environment. `resume` names a search to
    continue; with `resume_or_start` the search `name` continues if it exists, so that a cell of a notebook can run
    again. `verbosity` is 1 for a line for every epoch, 0 for every trial, and -1 for the result only.

    Raise UsageError if anything is wrong with the arguments, with nothing written; SearchFailedError if the search
    breaks off or all its trials fail; KeyboardInterrupt after Ctrl-C, once everything is saved.
    """
    _require_no_ray()
    request = Request(
        space=_source(space),
        resume=resume,
        resume_or_start=resume_or_start,
        trials=trials,
        epochs=epochs,
        seed=seed,
        gpus_per_trial=gpus_per_trial,
        cpus_per_trial=cpus_per_trial,
        name=name,
        runs_dir=opened_runs(runs_dir),
        data_root=None if data_root is None else Path(data_root),
        tracking_uri=tracking_uri or os.environ.get("MLFLOW_TRACKING_URI"),
        ledger=ledger or os.environ.get("TUNER_LEDGER"),
        address=address or os.environ.get("RAY_ADDRESS"),
        concurrency=concurrency,
        time_budget_seconds=time_budget_seconds,
        verbosity=verbosity,
        warm_start=tuple(warm_start),
        accept_changed_code=accept_changed_code,
    )
    code, folder = drive_search(plan_search(request), request, Console())
    if code == EXIT_CODES[Ending.INTERRUPTED]:
        raise KeyboardInterrupt
    if code != EXIT_CODES[Ending.FINISHED]:
        raise SearchFailedError(f"The search {folder.name} has failed; the reason is printed above.", folder.name)
    return load(folder.name, runs_dir=request.runs_dir, ledger=request.ledger)


def _require_no_ray() -> None:
    """Raise UsageError if this process uses Ray: a search starts and ends a Ray with settings of its own."""
    ray = sys.modules.get("ray")
    if ray is not None and ray.is_initialized():
        way = "call ray.shutdown() first, or run the search in a process of its own"
        raise UsageError(f"This process is connected to Ray already: {way}.", "ray")


def _source(space: str | Path | Mapping[str, Any] | CheckedSpace | None) -> str | Mapping[str, Any] | None:
    if isinstance(space, CheckedSpace):
        return content(space)
    return str(space) if isinstance(space, Path) else space
