"""A driver process from its start to its end: check the surroundings, write the search, run it, conclude."""

import secrets
import shutil
from typing import TYPE_CHECKING

from rich.console import Console

from training.config import TrialConfig
from tuner.engine.ending import Ending
from tuner.errors import UsageError
from tuner.folder import SearchFolder, provenance
from tuner.ledger import Ledger, Outcome, default_ledger_url
from tuner.lock import only_driver
from tuner.plan import Plan, Request
from tuner.progress import LiveProgress, PlainProgress, Progress
from tuner.progress.summary import print_closing, print_line, print_opening, resume_command
from tuner.report.front_data import front_data
from tuner.search import Search
from tuner.space import Space
from tuner.tracking import store

if TYPE_CHECKING:  # importing MLflow takes seconds, which a refused request should not cost
    from tuner.tracking.projection import Projection


def run(plan: Plan, request: Request, console: Console) -> int:
    """Run a planned search to its end and give the exit code: 0 done, 1 failed, 130 interrupted."""
    from training.data import DataError, ensure_available
    from tuner.engine import cluster

    if plan.tracking_uri != store.default_tracking_uri(request.runs_dir):
        store.require_reachable(plan.tracking_uri)
    cluster.connect(request.address)
    cluster.require_resources(plan.space.resources, plan.space.name)
    try:
        ensure_available(TrialConfig.from_mapping(plan.space.trial))
    except DataError as error:
        raise UsageError(str(error)) from error
    if not plan.resumed:
        _make_folder(plan)
    with only_driver(plan.folder.path):
        ledger = _open_ledger(plan) if plan.resumed else _create(plan, request)
        try:
            return _run_connected(plan, request, ledger, console)
        finally:
            ledger.close()


def _run_connected(plan: Plan, request: Request, ledger: Ledger, console: Console) -> int:
    from tuner.engine.session import run_session
    from tuner.tracking.publisher import Publisher

    search = Search(plan.space, ledger)
    projection = make_projection(plan.folder, plan.space, ledger, plan.tracking_uri)
    publisher = Publisher(plan.folder.name, plan.space, plan.folder.path, projection, lambda: search.trials)
    progress = _progress(search, plan.folder.name, console, request.verbosity)
    search.listeners += [publisher, progress]
    if request.verbosity >= 0:
        print_opening(console, plan.folder, plan.tracking_uri, plan.space.search.trials, plan.resumed)
    publisher.start()
    status = "FAILED"
    try:
        with progress:
            ending = run_session(
                search,
                plan.folder.path.resolve(),
                concurrency=request.concurrency,
                time_budget_seconds=request.time_budget_seconds,
                on_retry=progress.on_retry,
            )
        status = "FINISHED" if ending is Ending.FINISHED else "KILLED"
    finally:
        publisher.close(status)
    return _conclude(ending, plan, search, projection.experiment_id, console)


def _progress(search: Search, name: str, console: Console, verbosity: int) -> Progress:
    if verbosity < 0:
        return PlainProgress(search, Console(quiet=True))
    if console.is_terminal and verbosity == 0:
        return LiveProgress(search, console, name)
    return PlainProgress(search, console, every_epoch=verbosity > 0)


def _conclude(ending: Ending, plan: Plan, search: Search, experiment_id: str | None, console: Console) -> int:
    space = plan.space
    data = front_data(plan.folder.name, search.trials, space.objective_list, space.reference)
    print_closing(console, data, plan.folder, plan.tracking_uri, experiment_id)
    if ending is not Ending.FINISHED:
        why = "Interrupted" if ending is Ending.INTERRUPTED else "The time budget is used"
        print_line(console, f"{why}; nothing is lost. Continue with:\n  {resume_command(plan.folder)}")
        return 130 if ending is Ending.INTERRUPTED else 0
    if all(trial.outcome is Outcome.FAILED for trial in search.trials):
        reason = (search.trials[-1].error or "").strip().splitlines()[-1:]
        print_line(console, f"The search failed: every trial did. The last one: {' '.join(reason)}")
        return 1
    return 0


def make_projection(folder: SearchFolder, space: Space, ledger: Ledger, tracking_uri: str) -> "Projection":
    """Give a search's place in MLflow."""
    from tuner.tracking.projection import Projection

    artifacts = store.artifact_folder(tracking_uri, folder.path.parent)
    return Projection(tracking_uri, space, folder.name, ledger.facts()["search_id"], artifacts)


def _make_folder(plan: Plan) -> None:
    try:
        plan.folder.path.mkdir(parents=True)
    except OSError as error:
        raise UsageError(f"The folder {plan.folder.path} cannot be made: {error}. Check --runs-dir.") from error


def _create(plan: Plan, request: Request) -> Ledger:
    """Write the new search into its folder: the ledger, and last the frozen space."""
    facts = {
        "search_id": f"{plan.folder.name}-{secrets.token_hex(4)}",
        "space": plan.space.model_dump(mode="json"),
        **provenance(),
    }
    try:
        ledger = Ledger.create(plan.ledger_url, plan.folder.name, plan.space.objective_list, facts)
    except UsageError:
        shutil.rmtree(plan.folder.path)
        raise
    own = plan.ledger_url == default_ledger_url(plan.folder.path)
    frozen = {"search_id": facts["search_id"], **provenance(), "tracking_uri": plan.tracking_uri}
    if not own:
        frozen["ledger"] = request.ledger
    plan.folder.freeze(plan.space, frozen)
    return ledger


def _open_ledger(plan: Plan) -> Ledger:
    """Open the ledger of a resumed search and record what may change: trials, resources, where the data lies."""
    ledger = Ledger.open(plan.ledger_url, plan.folder.name)
    ledger.set_facts({"space": plan.space.model_dump(mode="json")})
    plan.folder.freeze(plan.space, {**plan.folder.frozen(), "tracking_uri": plan.tracking_uri})
    return ledger
