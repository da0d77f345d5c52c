"""What a driver is going to run: the user's request, checked against spaces, searches and ledgers on disk."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tuner.driver.earlier_search import EarlierSearch, read_earlier
from tuner.errors import UsageError
from tuner.redact import without_password
from tuner.runs.folder import SearchFolder, all_searches, find_search, new_search, recorded_space
from tuner.runs.mirror import place_of
from tuner.search.stopping import finished
from tuner.space import Space, load_space
from tuner.space.difference import differing_keys, in_recorded_order

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
            "trial.data_root": None if self.data_root is None else str(self.data_root),
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
    space = _with_data_root(load_space(request.space, request.overrides, request.flags()))
    plan = _planned(request, new_search(request.runs_dir, request.name, space), space)
    earlier = (read_earlier(request.runs_dir, name, space, request.ledger) for name in request.warm_start)
    return replace(plan, warm_start=tuple(earlier))


def plan_confirmation(request: Request, space: Space, search: str) -> Plan:
    """Plan the confirmation of `search`, a grid that is ready; its name is SEARCH-confirm by default."""
    folder = new_search(request.runs_dir, request.name or f"{search}-confirm", space)
    return _planned(request, folder, _with_data_root(space))


def _planned(request: Request, folder: SearchFolder, space: Space) -> Plan:
    tracking_uri, ledger_url = folder.tracking_uri(request.tracking_uri), folder.ledger_url(request.ledger)
    if tracking_uri == ledger_url:
        raise UsageError(
            f"--ledger and --tracking-uri are both {without_password(ledger_url)}, but Optuna and MLflow number the "
            "versions of their tables in a table of the same name: give each a database of its own."
        )
    return Plan(folder, space, tracking_uri, ledger_url, resumed=False)


def plan_resume(request: Request, name: str) -> Plan:
    """Plan to continue a search; `name` "" means the newest unfinished one. More trials extend it."""
    if request.warm_start:
        raise UsageError("--warm-start is for a new search; a resumed one keeps the evidence that it began with.")
    folder = find_search(request.runs_dir, name) if name else _newest_unfinished(request)
    ledger = request.ledger if name else folder.if_shared(request.ledger)
    recorded = _recorded_space(folder, ledger)
    source = request.space or str(folder.space_file)
    asked = load_space(source, request.overrides, request.flags())
    keys = {override.partition("=")[0] for override in request.overrides}
    moved = request.data_root is not None or keys & {"data_root", "trial.data_root"}
    asked = _with_data_root(asked, None if moved else recorded.trial["data_root"])
    changed = differing_keys(recorded, asked)
    if changed:
        raise UsageError(
            f"{folder.name} cannot be resumed with a changed space, since its trials would not compare:\n  "
            + "\n  ".join(changed)
            + "\nPut these back, or start a new search; trials, resources and data_root may change."
        )
    space = in_recorded_order(recorded, asked)
    return Plan(folder, space, folder.tracking_uri(request.tracking_uri), folder.ledger_url(ledger), resumed=True)


def _recorded_space(folder: SearchFolder, ledger_url: str | None) -> Space:
    ledger = folder.ledger(ledger_url)
    try:
        return recorded_space(ledger)
    finally:
        ledger.close()


def _newest_unfinished(request: Request) -> SearchFolder:
    for folder in all_searches(request.runs_dir):
        try:
            if _is_unfinished(folder, request.ledger):
                return folder
        except UsageError as error:
            _log.warning("%s is passed over: %s", folder.name, error)
    raise UsageError(
        f"No search in {place_of(request.runs_dir)} is unfinished. `tuner list` shows the searches; "
        "--resume NAME --trials N extends a finished one."
    )


def _is_unfinished(folder: SearchFolder, ledger_url: str | None) -> bool:
    ledger = folder.ledger(folder.if_shared(ledger_url))
    try:
        return not finished(recorded_space(ledger), ledger.load())
    finally:
        ledger.close()


def _with_data_root(space: Space, data_root: str | None = None) -> Space:
    """Make `data_root`, by default the space's own, absolute: Ray changes the folder of its workers."""
    given = str(data_root or space.trial.get("data_root", "data"))
    try:
        absolute = str(Path(given).expanduser().resolve())
    except RuntimeError as error:
        raise UsageError(f"data_root is {given!r}, but must name a folder: {error}") from error
    return space.model_copy(update={"trial": {**space.trial, "data_root": absolute}})
