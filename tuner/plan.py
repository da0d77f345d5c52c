"""What a driver is going to run: the user's request, checked against spaces, searches and ledgers on disk."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tuner.errors import UsageError
from tuner.folder import SearchFolder, all_searches, find_search, new_search
from tuner.ledger import default_ledger_url
from tuner.space import Space, load_space
from tuner.space.difference import differing_keys
from tuner.stop_rules import finished
from tuner.tracking import store
from tuner.warm_start_source import EarlierSearch, read_earlier

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Request:
    """What the user asked for with `tuner run`, as plain values; None where nothing was said."""

    space: str | None = None
    overrides: Sequence[str] = ()
    trials: int | None = None
    epochs: int | None = None
    seed: int | None = None
    gpus_per_trial: float | None = None
    cpus_per_trial: float | None = None
    name: str | None = None
    runs_dir: Path = Path("runs")
    data_root: Path | None = None
    tracking_uri: str | None = None
    ledger: str | None = None
    address: str | None = None
    concurrency: int | None = None
    time_budget_seconds: float | None = None
    verbosity: int = 0
    warm_start: Sequence[str] = ()

    def flags(self) -> dict[str, Any]:
        """Give the flags that change the space, by their key in it."""
        named = {
            "search.trials": self.trials,
            "trial.epochs": self.epochs,
            "search.seed": self.seed,
            "resources.gpus_per_trial": self.gpus_per_trial,
            "resources.cpus_per_trial": self.cpus_per_trial,
            "trial.data_root": None if self.data_root is None else str(self.data_root.resolve()),
        }
        return {key: value for key, value in named.items() if value is not None}


@dataclass(frozen=True)
class Plan:
    """What a driver is going to run."""

    folder: SearchFolder
    space: Space
    tracking_uri: str
    ledger_url: str
    resumed: bool
    warm_start: tuple[EarlierSearch, ...] = ()


def plan_new(request: Request) -> Plan:
    """Plan a new search, writing nothing; raise UsageError for anything wrong with the request."""
    if request.space is None:
        raise UsageError("Say what to search: --space NAME (see `tuner spaces`), or --resume to continue.")
    space = load_space(request.space, request.overrides, request.flags())
    # Ray changes the folder of its workers, so that a relative path would be another one there.
    space = _with_data_root(space, str(Path(space.trial.get("data_root", "data")).resolve()))
    folder = new_search(request.runs_dir, request.name, space)
    warm_start = tuple(read_earlier(request.runs_dir, name, space, request.ledger) for name in request.warm_start)
    return Plan(
        folder, space, _tracking_uri(request), _ledger_url(request, folder), resumed=False, warm_start=warm_start
    )


def plan_resume(request: Request, name: str) -> Plan:
    """Plan to continue a search; `name` "" means the newest unfinished one. More trials extend it."""
    if request.warm_start:
        raise UsageError("--warm-start is for a new search; a resumed one keeps the evidence that it began with.")
    folder = find_search(request.runs_dir, name) if name else _newest_unfinished(request)
    recorded = _recorded_space(folder, request.ledger)
    source = request.space or str(folder.space_file)
    asked = load_space(source, request.overrides, request.flags())
    keys = {override.partition("=")[0] for override in request.overrides}
    if request.data_root is None and not keys & {"data_root", "trial.data_root"}:
        asked = _with_data_root(asked, recorded.trial["data_root"])
    changed = differing_keys(recorded, asked)
    if changed:
        raise UsageError(
            f"{folder.name} cannot be resumed with a changed space, since its trials would not compare:\n  "
            + "\n  ".join(changed)
            + "\nPut these back, or start a new search; trials, resources and data_root may change."
        )
    tracking_uri = request.tracking_uri or folder.frozen().get("tracking_uri") or _tracking_uri(request)
    return Plan(folder, asked, tracking_uri, _ledger_url(request, folder), resumed=True)


def _recorded_space(folder: SearchFolder, ledger_url: str | None) -> Space:
    ledger = folder.open_ledger(ledger_url)
    try:
        return Space.model_validate(ledger.facts()["space"])
    finally:
        ledger.close()


def _newest_unfinished(request: Request) -> SearchFolder:
    for folder in all_searches(request.runs_dir):
        try:
            ledger = folder.open_ledger(request.ledger)
        except UsageError as error:
            _log.warning("%s is passed over: %s", folder.name, error)
            continue
        try:
            space = Space.model_validate(ledger.facts()["space"])
            trials = ledger.load()
        finally:
            ledger.close()
        if not finished(space, trials):
            return folder
    raise UsageError(
        f"No search in {request.runs_dir} is unfinished. `tuner list` shows the searches; "
        "--resume NAME --trials N extends a finished one."
    )


def _with_data_root(space: Space, data_root: str) -> Space:
    return space.model_copy(update={"trial": {**space.trial, "data_root": data_root}})


def _tracking_uri(request: Request) -> str:
    return request.tracking_uri or store.default_tracking_uri(request.runs_dir)


def _ledger_url(request: Request, folder: SearchFolder) -> str:
    recorded = folder.frozen().get("ledger") if folder.space_file.exists() else None
    return request.ledger or recorded or default_ledger_url(folder.path)
