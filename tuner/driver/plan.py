"""What a driver is going to run: the user's request, checked against spaces, searches and ledgers on disk."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from training.outside_sources import Source
from tuner.confirm.presentation import Use, presentation_of
from tuner.database_url import is_same_database, require_file, require_utf8
from tuner.errors import UsageError
from tuner.redact import without_password
from tuner.runs.find import all_searches, find_search, new_search
from tuner.runs.folder import SearchFolder, recorded_space
from tuner.runs.mirror import place_of
from tuner.runs.plug_ins import look_where_recorded, plug_ins_of, require_unchanged, shared_plug_ins
from tuner.search.stopping import finished
from tuner.search.warm_start import EarlierTrial, earlier_trials, to_fact
from tuner.space import Space, load_space, space_from_mapping
from tuner.space.continued import FREE_KEYS, differing_keys, in_recorded_order

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Request:
    """The options of `tuner run` and `tuner confirm`; None stands for an option that was not given.

    Attributes:
        space: the name of a space, the path of a file, or the content of one.
        resume: the search to continue; "" stands for the newest unfinished one.
        resume_or_start: continue the search called `name` if it exists, and start it if not.
        verbosity: 1 prints every epoch, 0 every trial, -1 only the result.
        dry_run: print what would run, and start nothing.
        accept_changed_code: go on although the code of plug-ins is not that of the trials on record.

    """

    space: str | Mapping[str, Any] | None = None
    resume: str | None = None
    resume_or_start: bool = False
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
    dry_run: bool = False
    warm_start: Sequence[str] = ()
    accept_changed_code: bool = False

    def flags(self) -> dict[str, Any]:
        """Return the values of the options that change the space, each under its key in the space."""
        values = {
            "search.trials": self.trials,
            "trial.epochs": self.epochs,
            "search.seed": self.seed,
            "resources.gpus_per_trial": self.gpus_per_trial,
            "resources.cpus_per_trial": self.cpus_per_trial,
            "trial.data_root": None if self.data_root is None else str(self.data_root),
        }
        return {key: value for key, value in values.items() if value is not None}


@dataclass(frozen=True)
class EarlierSearch:
    """What a new search learns from an earlier one: its trials, and the digest of its validation images."""

    name: str
    trials: tuple[EarlierTrial, ...]
    split_digest: str

    @property
    def line(self) -> str:
        """What the sampler learns from, in words."""
        return f"the sampler learns from {len(self.trials)} trials of {self.name}"


@dataclass(frozen=True)
class Plan:
    """What a driver is going to run: a new search, or one on record if `is_resume`."""

    folder: SearchFolder
    space: Space
    tracking_uri: str
    ledger_url: str
    is_resume: bool
    warm_start: tuple[EarlierSearch, ...] = ()

    @cached_property
    def plug_ins(self) -> list[Source]:
        """The code from outside that the search uses, as it was when this was first asked: its files are read."""
        return plug_ins_of(self.space)


def plan_search(request: Request) -> Plan:
    """Plan to start a search or to continue one, whichever the request says; write nothing.

    Raise UsageError if anything is wrong with the request.
    """
    resume = request.resume
    if request.resume_or_start:
        if request.name is None or resume is not None:
            rule = "needs --name NAME, by which a later start finds the search, and excludes --resume"
            raise UsageError(f"--resume-or-start {rule}.", "--resume-or-start")
        resume = request.name if SearchFolder(request.runs_dir / request.name).space_file.is_file() else None
    elif resume is not None and request.name is not None:
        raise UsageError("--name is for a new search, --resume for an old one: leave one out.", ("--name", "--resume"))
    return plan_new(request) if resume is None else plan_resume(request, resume)


def plan_new(request: Request) -> Plan:
    """Plan a new search; write nothing. Raise UsageError if anything is wrong with the request."""
    if request.space is None:
        raise UsageError("Say what to search: --space NAME (see `tuner spaces`), or --resume to continue.", "--space")
    space = _with_data_root(load_space(request.space, request.overrides, request.flags()))
    plan = _plan_in_folder(request, new_search(request.runs_dir, request.name, space), space)
    accept = request.accept_changed_code
    earlier = [
        read_earlier(request.runs_dir, name, space, request.ledger, accept_changed_code=accept)
        for name in request.warm_start
    ]
    return replace(plan, warm_start=tuple(earlier))


def plan_confirmation(request: Request, space: Space, search: str) -> Plan:
    """Plan to confirm trials of `search`; `space` is the grid of these trials. Without a name it is SEARCH-confirm."""
    mapping = space.model_dump(mode="json")
    for key, value in request.flags().items():
        section, _, name = key.partition(".")
        mapping[section][name] = value
    space = space_from_mapping(mapping, f"the confirmation of {search}")
    folder = new_search(request.runs_dir, request.name or f"{search}-confirm", space)
    return _plan_in_folder(request, folder, _with_data_root(space))


def _plan_in_folder(request: Request, folder: SearchFolder, space: Space) -> Plan:
    tracking_uri, ledger_url = folder.tracking_uri(request.tracking_uri), folder.ledger_url(request.ledger)
    require_file(tracking_uri, "--tracking-uri")
    require_file(ledger_url, "--ledger")
    if is_same_database(tracking_uri, ledger_url):
        raise UsageError(
            f"--ledger and --tracking-uri are both {without_password(ledger_url)}. Optuna and MLflow cannot share a "
            "database, because both number their tables' versions in a table of the same name: give each its own.",
            ("--ledger", "--tracking-uri"),
        )
    return Plan(folder, space, tracking_uri, ledger_url, is_resume=False)


def plan_resume(request: Request, name: str) -> Plan:
    """Plan to continue a search; the `name` "" means the newest unfinished one. More trials extend the search."""
    if request.warm_start:
        raise UsageError("--warm-start is for a new search; one that continues keeps what it learned.", "--warm-start")
    folder = find_search(request.runs_dir, name) if name else _newest_unfinished(request)
    ledger = request.ledger if name else folder.if_shared(request.ledger)
    with folder.ledger(ledger) as opened:
        recorded = recorded_space(opened)
    look_where_recorded(folder)
    source = request.space or str(folder.space_file)
    asked = load_space(source, request.overrides, request.flags())
    keys = {override.partition("=")[0] for override in request.overrides}
    moved = request.data_root is not None or keys & {"data_root", "trial.data_root"}
    asked = _with_data_root(asked, None if moved else recorded.trial["data_root"])
    changed = differing_keys(recorded, asked)
    if changed:
        raise UsageError(
            f"{folder.name} cannot continue with a changed space, because old and new trials could not be compared:\n  "
            + "\n  ".join(f"{key}: {before!r}, now {after!r}" for key, (before, after) in changed.items())
            + f"\nPut these back, or start a new search. Only these may change: {', '.join(FREE_KEYS)}.",
            tuple(changed),
        )
    if asked.search.trials < recorded.search.trials:
        _require_room(folder, ledger, asked.search.trials)
    space = in_recorded_order(recorded, asked)
    if not request.accept_changed_code:
        require_unchanged(folder, plug_ins_of(space))
    return Plan(folder, space, folder.tracking_uri(request.tracking_uri), folder.ledger_url(ledger), is_resume=True)


def _require_room(folder: SearchFolder, ledger: str | None, trials: int) -> None:
    """Raise UsageError if a search has more trials already than the `trials` that it shall have in all."""
    with folder.ledger(ledger) as opened:
        begun = len(opened.load())
    if begun > trials:
        rule = f"but {folder.name} has {begun} trials already: give at least as many, or leave it out"
        raise UsageError(f"search.trials is {trials}, {rule}.", "search.trials")


def with_present_rules(plan: Plan, request: Request) -> Plan:
    """Return the plan of a resume with the rules that are on record now. The caller must hold the lock of the search.

    While the plan was made, the driver before may have obeyed a user who changed them.
    """
    asked = replace(request, tracking_uri=plan.tracking_uri, ledger=plan.ledger_url)
    present = plan_resume(asked, plan.folder.name)
    return plan if present.space == plan.space else present


def _newest_unfinished(request: Request) -> SearchFolder:
    for folder in all_searches(request.runs_dir):
        try:
            with folder.ledger(folder.if_shared(request.ledger)) as ledger:
                # What a finished search was asked for meanwhile may extend it.
                if not finished(recorded_space(ledger), ledger.load()) or ledger.instructions(waiting=True):
                    return folder
        except UsageError as error:
            _log.warning("%s is left out: %s", folder.name, error)
    way = "`tuner list` shows the searches; --resume NAME --trials N extends a finished one"
    raise UsageError(f"No search in {place_of(request.runs_dir)} is unfinished. {way}.", request.runs_dir)


def _with_data_root(space: Space, data_root: str | None = None) -> Space:
    """Make `data_root`, by default that of the space, and `start_weights` absolute: workers run in another folder."""
    given = str(data_root or space.trial.get("data_root", "data"))
    try:
        absolute = Path(given).expanduser().resolve()
    except RuntimeError as error:
        raise UsageError(f"data_root is {given!r}, but must name a folder: {error}", "data_root") from error
    require_utf8(absolute, "data_root")
    weights = space.trial.get("start_weights")
    started = {"start_weights": str(Path(weights).expanduser().resolve())} if weights else {}
    return space.model_copy(update={"trial": {**space.trial, "data_root": str(absolute), **started}})


def read_earlier(
    runs_dir: Path, name: str, space: Space, ledger_url: str | None, *, accept_changed_code: bool = False
) -> EarlierSearch:
    """Read what a new search over `space` can learn from the search `name`.

    `ledger_url` is used if the ledger of the earlier search is not in its folder. Raise UsageError if there is no such
    search, if it is a confirmation, if code that both use has changed since, or if no trial of it can be used.
    """
    folder = find_search(runs_dir, name)
    look_where_recorded(folder)
    with folder.ledger(folder.if_shared(ledger_url)) as ledger:
        earlier, trials, digest = recorded_space(ledger), ledger.load(), ledger.facts()["split_digest"]
    presentation_of(earlier).require(Use.WARM_START, name)
    if not accept_changed_code:
        require_unchanged(folder, shared_plug_ins(space, earlier))
    return EarlierSearch(name, tuple(earlier_trials(name, earlier, trials, space)), digest)


def warm_start_fact(searches: Sequence[EarlierSearch], split_digest: str) -> list[dict[str, Any]]:
    """Return the trials of all searches in the form of a ledger's fact.

    Raise UsageError if a search was validated on other images than those with `split_digest`.
    """
    for search in searches:
        if search.split_digest != split_digest:
            raise UsageError(
                f"--warm-start {search.name}: its validation images (digest {search.split_digest}) are not those of "
                f"this search (digest {split_digest}), so the accuracies cannot be compared. Give the same data with "
                "--data-root, or leave out --warm-start.",
                ("--warm-start", search.name),
            )
    return to_fact([trial for search in searches for trial in search.trials])
