"""A driver process from its start to its end: check the surroundings, write the search, run it, conclude."""

import contextlib
import logging
import os
from typing import TYPE_CHECKING

from rich.console import Console

from tuner.confirm.table import confirmation_rows, confirmation_table, warning_lines
from tuner.driver.create import clear, create, discard, open_ledger, with_folder
from tuner.driver.plan import Plan, Request
from tuner.driver.preflight import checked_data
from tuner.driver.progress import LiveProgress, PlainProgress, Progress
from tuner.driver.progress.summary import print_closing, print_line, print_opening, resume_command
from tuner.engine.ending import Ending, all_failed, closing_status
from tuner.engine.session_events import SessionEvents
from tuner.errors import UsageError
from tuner.ledger import Ledger, TakenOverError, as_interrupted
from tuner.report.analysis.front_data import front_data
from tuner.report.text import last_line
from tuner.runs.folder import SearchFolder
from tuner.runs.lock import driver_lock, is_driven
from tuner.runs.tracking_place import default_tracking_uri
from tuner.search import Search
from tuner.tracking import store

if TYPE_CHECKING:  # importing MLflow takes seconds, which a refused request should not cost
    from tuner.driver.publisher import Publisher

_log = logging.getLogger(__name__)

_WHY = {
    Ending.INTERRUPTED: "Interrupted.",
    Ending.OUT_OF_TIME: "The time budget is used.",
    Ending.BROKEN_OFF: "The search is not finished.",
}
_EXIT_CODES = {Ending.INTERRUPTED: 130, Ending.OUT_OF_TIME: 0, Ending.BROKEN_OFF: 1}


class _Events(SessionEvents):
    """Shows what happens to a session, and leaves with what the ledger holds if Ray is lost."""

    def __init__(
        self, search: Search, publisher: "Publisher", progress: Progress, console: Console, resume: str
    ) -> None:
        self._search = search
        self._publisher = publisher
        self._progress = progress
        self._console = console
        self._resume = resume

    def on_retry(self, number: int, error: str) -> None:
        self._progress.on_retry(number, error)

    def on_fallback(self, text: str) -> None:
        print_line(self._console, f"Not as the space asks: {text}.")

    def on_stopping(self) -> None:
        print_line(self._console, f"Stopping; press Ctrl-C again to stop at once. {self._resume}")

    def on_lost(self, ending: Ending, reason: str) -> None:
        self._publisher.close(closing_status(ending, self._search.trials))
        print_line(self._console, f"{reason} {self._resume}")
        os._exit(_EXIT_CODES[ending])


def run(plan: Plan, request: Request, console: Console) -> int:
    """Run a planned search to its end and give the exit code: 0 done, 1 failed, 130 interrupted."""
    from tuner.engine import cluster
    from tuner.engine.signals import handle_signals, interrupt

    with handle_signals(interrupt):
        try:
            return _run(plan, request, console)
        except KeyboardInterrupt:
            way_on = _way_on(plan.folder, request) if plan.resumed else "The search had not begun."
            print_line(console, f"{_WHY[Ending.INTERRUPTED]} {way_on}")
            return _EXIT_CODES[Ending.INTERRUPTED]
        finally:
            cluster.disconnect()


def _way_on(folder: SearchFolder, request: Request) -> str:
    return f"Nothing is lost. Continue with:\n  {resume_command(folder, request)}"


def _run(plan: Plan, request: Request, console: Console) -> int:
    from tuner.engine import cluster

    if plan.tracking_uri != default_tracking_uri(request.runs_dir):
        _check_tracking(plan)
    if console.is_terminal and request.verbosity >= 0:
        print_line(console, f"Connecting to Ray{f' at {request.address}' if request.address else ''} …")
    cluster.connect(request.address)
    cluster.require_resources(plan.space.resources, plan.space.name)
    digest = checked_data(plan.space)
    # What a driver left that died while it made this folder is begun anew, under the lock.
    left = not plan.resumed and plan.folder.half_made
    if not plan.resumed and not left:
        plan = with_folder(plan, request)
    try:
        return _run_locked(plan, request, digest, console, left=left)
    except KeyboardInterrupt:
        if not plan.folder.space_file.exists():
            if not left and plan.folder.path.exists() and not is_driven(plan.folder.path, plan.ledger_url):
                discard(plan.folder)
            raise
        print_line(console, f"{_WHY[Ending.INTERRUPTED]} {_way_on(plan.folder, request)}")
        return _EXIT_CODES[Ending.INTERRUPTED]


def _run_locked(plan: Plan, request: Request, digest: str, console: Console, *, left: bool) -> int:
    with contextlib.ExitStack() as held:
        try:
            held.enter_context(driver_lock(plan.folder.path, plan.ledger_url))
        except UsageError:
            if not plan.resumed and not left and not is_driven(plan.folder.path, plan.ledger_url):
                discard(plan.folder)
            raise
        if left:
            clear(plan)
        ledger = open_ledger(plan, digest) if plan.resumed else create(plan, request, digest)
        try:
            code = _run_connected(plan, request, ledger, console)
        except TakenOverError as error:  # whose MLflow run is the other driver's now
            print_line(console, str(error))
            code = 1
        finally:
            ledger.close()
    if code == 0 and plan.space.confirm is not None:
        _show_beside(plan.space.confirm.search, request, console)
    return code


def _show_beside(search: str, request: Request, console: Console) -> None:
    """Write the page and the MLflow run of a search anew, which have its confirmation beside its own figures."""
    from tuner.driver.sync import resync

    try:
        resync(request.runs_dir, search, request.tracking_uri, request.ledger)
    except UsageError as error:
        print_line(
            console, f"{search} does not show this confirmation yet: write it with `tuner sync {search}`. {error}"
        )


def _check_tracking(plan: Plan) -> None:
    """Refuse to start a search without MLflow; one that has begun goes on, and MLflow catches up."""
    store.require_uri(plan.tracking_uri)
    try:
        store.require_reachable(plan.tracking_uri)
    except UsageError as error:
        if not plan.resumed:
            raise
        _log.warning("%s The search goes on, and MLflow is written as soon as it answers.", error)


def _run_connected(plan: Plan, request: Request, ledger: Ledger, console: Console) -> int:
    from tuner.driver.publisher import Publisher
    from tuner.engine.session import SessionOptions, run_session
    from tuner.tracking.projection import projection_of

    search = Search(plan.space, ledger)
    projection = projection_of(plan.folder, plan.space, ledger, plan.tracking_uri)
    publisher = Publisher(plan.folder.name, plan.space, plan.folder.path, projection, lambda: search.trials)
    progress = _progress(search, plan.folder.name, console, request)
    search.listeners += [publisher, progress]
    if request.verbosity >= 0:
        print_opening(console, plan.folder, plan.tracking_uri, plan.space.search.trials, plan.resumed)
        for earlier in plan.warm_start:
            print_line(console, f"Warm start: {earlier.line}.")
    resume = _way_on(plan.folder, request)

    options = SessionOptions(
        concurrency=request.concurrency,
        time_budget_seconds=request.time_budget_seconds,
        split_digest=ledger.facts()["split_digest"],
    )
    events = _Events(search, publisher, progress, console, resume)
    publisher.start()
    ending = Ending.BROKEN_OFF
    try:
        with progress:
            ending = run_session(search, plan.folder.path.resolve(), options, events)
    except KeyboardInterrupt:
        ending = Ending.INTERRUPTED
    except Exception as error:
        if ledger.taken_over is not None:
            raise ledger.taken_over from error
        _log.debug("The session broke off", exc_info=True)
        print_line(console, f"The search broke off: {last_line(str(error))}")
    if not _closed(publisher, closing_status(ending, search.trials)):
        print_line(console, f"MLflow is not complete: write the rest with `tuner sync {plan.folder.name}`.")
    return _conclude(ending, plan, search, experiment_id=projection.experiment_id, console=console, resume=resume)


def _closed(publisher: "Publisher", status: str) -> bool:
    """Wait until MLflow has all of the search and say whether it has; a signal ends the waiting."""
    try:
        return publisher.close(status)
    except KeyboardInterrupt:
        return False


def _progress(search: Search, name: str, console: Console, request: Request) -> Progress:
    verbosity, seconds = request.verbosity, request.time_budget_seconds
    if verbosity < 0:
        return PlainProgress(search, Console(quiet=True))
    if console.is_terminal and verbosity == 0:
        return LiveProgress(search, console, name, time_budget_seconds=seconds)
    return PlainProgress(search, console, every_epoch=verbosity > 0, time_budget_seconds=seconds)


def _conclude(
    ending: Ending, plan: Plan, search: Search, *, experiment_id: str | None, console: Console, resume: str
) -> int:
    space = plan.space
    trials = search.trials if ending is Ending.FINISHED else as_interrupted(search.trials)
    data = front_data(plan.folder.name, trials, space.objective_list, space.reference)
    table, confirms = None, None
    if space.confirm is not None:
        table, confirms = confirmation_table(space, confirmation_rows(space, search.trials)), space.confirm.search
        for line in warning_lines(plan.folder.path):
            print_line(console, f"Warning: {line}")
    print_closing(console, data, plan.folder, plan.tracking_uri, experiment_id, table=table, confirms=confirms)
    if ending is not Ending.FINISHED:
        print_line(console, f"{_WHY[ending]} {resume}")
        return _EXIT_CODES[ending]
    if len(search.trials) < space.search.trials:
        print_line(console, f"Ended after {len(search.trials)} trials: {search.stop_reason}.")
    if all_failed(search.trials):
        reason = last_line(search.trials[-1].error)
        print_line(console, f"The search failed: every trial did. The last one: {reason}")
        return 1
    return 0
