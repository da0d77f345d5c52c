"""A driver process from its start to its end: check the surroundings, write the search, run it, conclude."""

import dataclasses
import logging
import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from rich.console import Console

from tuner.driver.create import create_search, discard_unused, make_folder, reopen_search, settle_incomplete
from tuner.driver.environment import Environment
from tuner.driver.plan import Plan, Request, with_present_rules
from tuner.driver.preflight import CheckedData
from tuner.driver.progress import LiveProgress, PlainProgress, Progress
from tuner.driver.progress.dry_run import print_plan
from tuner.driver.progress.summary import EXIT_CODES, REASONS, conclude, print_line, print_opening, resume_command
from tuner.driver.session_events import EVENTS, DriverEvents
from tuner.engine.session_interface import Ending, SessionOptions, closing_status
from tuner.errors import UsageError
from tuner.ledger import Ledger, TakenOverError
from tuner.report.text import last_line
from tuner.runs.folder import SearchFolder
from tuner.runs.mirror import runs_flag
from tuner.runs.plug_ins import hashes_of_start_weights
from tuner.search import Search
from tuner.steering.arguments import CONCURRENCY
from tuner.steering.on_event import EventCommand
from tuner.steering.steering import Steering
from tuner.tracking import store

if TYPE_CHECKING:
    from tuner.driver.publisher import Publisher

_log = logging.getLogger(__name__)


class Driven(NamedTuple):
    """How a driver ended: the exit code (0 done, 1 failed, 130 interrupted), and the folder of the search it drove."""

    exit_code: int
    folder: SearchFolder


def drive_search(plan: Plan, request: Request, console: Console, environment: Environment | None = None) -> Driven:
    """Run a search to its end. With `request.dry_run` print the plan and start nothing.

    The folder is another one than planned if another driver has taken the name of a new search meanwhile.
    """
    from tuner.engine.signals import handle_signals, interrupt

    if request.dry_run:
        print_plan(console, plan)
        return Driven(EXIT_CODES[Ending.FINISHED], plan.folder)
    environment = environment or Environment()
    driver = _Driver(plan, request, console, environment)
    with handle_signals(interrupt):
        try:
            return driver.run()
        except KeyboardInterrupt:
            return driver.say_interrupted(driver.how_to_resume if plan.is_resume else "The search had not begun.")
        finally:
            environment.disconnect()


@dataclass(frozen=True)
class _Driver:
    """What one driver runs, what the user asked for, where it prints, and what it works with."""

    plan: Plan
    request: Request
    console: Console
    environment: Environment
    locked_at: float = math.inf  # in seconds since 1970

    def say_interrupted(self, consequence: str) -> Driven:
        """Print that the driver was interrupted, and what follows."""
        print_line(self.console, f"{REASONS[Ending.INTERRUPTED]} {consequence}")
        return Driven(EXIT_CODES[Ending.INTERRUPTED], self.plan.folder)

    @property
    def how_to_resume(self) -> str:
        return f"Nothing is lost. Continue with:\n  {resume_command(self.plan.folder, self.request)}"

    def run(self) -> Driven:
        """Check the cluster, MLflow and the data, make the folder of a new search, and run it."""
        plan, request, console, environment = self.plan, self.request, self.console, self.environment
        if not plan.is_resume or plan.space.search.max_failures:  # else a trial fails whose weights are lost
            environment.presentation_of(plan.space).require_inputs(plan.folder.path.parent)
        _check_tracking(plan)
        if console.is_terminal and request.verbosity >= 0:
            print_line(console, f"Connecting to Ray{f' at {request.address}' if request.address else ''} …")
        loose = [source.place for source in plan.plug_ins if not source.is_installed]
        environment.connect(request.address, loose)
        environment.require_resources(plan.space.resources, plan.space.name)
        data = environment.check_data(plan.space)
        made_folder = False
        if not plan.is_resume and not plan.folder.is_incomplete:
            plan, made_folder = make_folder(plan, request)
        # A driver may have died while it made this folder. Its files are removed as soon as this one has the lock.
        is_incomplete = not plan.is_resume and not made_folder
        driver = dataclasses.replace(self, plan=plan)
        try:
            return driver.run_locked(data, is_incomplete=is_incomplete)
        except KeyboardInterrupt:
            if not plan.folder.space_file.exists():
                raise
            return driver.say_interrupted(driver.how_to_resume)
        finally:
            if made_folder:
                discard_unused(plan)

    def run_locked(self, data: CheckedData, *, is_incomplete: bool) -> Driven:
        """Take the lock, write or open the search, and run it on `data`."""
        plan, request, console, environment = self.plan, self.request, self.console, self.environment
        with environment.lock(plan.folder.path, plan.ledger_url):
            locked_at = time.time()
            if is_incomplete:
                plan = settle_incomplete(plan, request)
            elif plan.is_resume:
                plan = with_present_rules(plan, request)
            with reopen_search(plan, data) if plan.is_resume else create_search(plan, request, data) as ledger:
                try:
                    code = dataclasses.replace(self, plan=plan, locked_at=locked_at).run_on(ledger, data)
                except TakenOverError as error:  # the run in MLflow now belongs to the other driver
                    print_line(console, str(error))
                    code = 1
        confirms = environment.presentation_of(plan.space).confirms
        if code == 0 and confirms is not None:
            self.show_beside(confirms)
        return Driven(code, plan.folder)

    def show_beside(self, search: str) -> None:
        """Write the page and the MLflow run of `search` again, which show this confirmation from now on."""
        from tuner.driver.sync import sync_search

        try:
            sync_search(self.request.runs_dir, search, self.request.tracking_uri, self.request.ledger)
        except UsageError as error:
            command = f"tuner sync {search}{runs_flag(self.plan.folder.path.parent)}"
            print_line(
                self.console, f"{search} does not show this confirmation yet: run `{command}` to write it. {error}"
            )

    def run_on(self, ledger: Ledger, data: CheckedData) -> int:
        """Run the trials of the search in `ledger`, publish them, and print the results; return the exit code."""
        from tuner.driver.publisher import Publisher

        plan, request, console = self.plan, self.request, self.console
        search = Search(plan.space, ledger)
        presentation = self.environment.presentation_of(plan.space)
        projection = self.environment.projection_of(plan.folder, plan.space, ledger, plan.tracking_uri)
        folder, trials = plan.folder, lambda: search.trials
        publisher = Publisher(plan.space, folder.path, projection, trials, presentation=presentation)
        progress = self.progress(search)
        search.listeners += [publisher, progress]
        watchers = _Watchers(publisher, progress, self.steering(search, ledger), self.event_command(search))
        search.listeners += [] if watchers.event_command is None else [watchers.event_command]
        watchers.steering.begin()
        if request.verbosity >= 0:
            print_opening(console, plan, data.contents, trials=search.space.search.trials)
            if search.finished and presentation.has_front:
                name = f"{folder.name}{runs_flag(folder.path.parent)}"
                print_line(console, f"It has finished already: `tuner run --resume {name} --trials N` extends it.")
        else:
            for sentence in data.left_out:
                _log.warning("Data: %s", sentence)
        publisher.start()
        ending = self.run_session(search, ledger, watchers)
        if watchers.event_command is not None:
            watchers.event_command.close(EVENTS.get(ending))
        if not _close(publisher, closing_status(ending, search.trials)):
            command = f"tuner sync {plan.folder.name}{runs_flag(plan.folder.path.parent)}"
            print_line(console, f"MLflow is not complete: write the rest with `{command}`.")
        return conclude(
            console,
            plan,
            search,
            ending,
            presentation,
            view_link=projection.view_link,
            how_to_resume=self.how_to_resume,
        )

    def event_command(self, search: Search) -> EventCommand | None:
        """Return what runs the user's command on the events of this search; None without a command."""
        command = search.space.on_event
        return None if command is None else EventCommand(command, self.plan.folder.name, search.space, search.trials)

    def steering(self, search: Search, ledger: Ledger) -> Steering:
        """Return what obeys the instructions of users to this search."""
        request, folder = self.request, self.plan.folder
        given = [*request.flags(), *(override.partition("=")[0] for override in request.overrides)]
        return Steering(
            search,
            ledger,
            freeze=lambda space: folder.freeze(space, folder.frozen()),
            tell=lambda text: print_line(self.console, f"Asked: {text}") if request.verbosity >= 0 else None,
            concurrency=request.concurrency,
            given=[*given, CONCURRENCY] if request.concurrency else given,
            driving_since=self.locked_at,
        )

    def run_session(self, search: Search, ledger: Ledger, watchers: "_Watchers") -> Ending:
        """Run the trials until the session ends, whatever ends it; raise TakenOverError if another driver took over."""
        options = SessionOptions(
            concurrency=self.request.concurrency,
            steering=watchers.steering,
            time_budget_seconds=self.request.time_budget_seconds,
            split_digest=ledger.facts()["split_digest"],
            start_weights=hashes_of_start_weights(self.plan.plug_ins),
        )
        events = DriverEvents(
            search, watchers.publisher, watchers.progress, self.console, self.how_to_resume, watchers.event_command
        )
        try:
            with watchers.progress:
                return self.environment.run_session(search, self.plan.folder.path.resolve(), options, events)
        except KeyboardInterrupt:
            return Ending.INTERRUPTED
        except Exception as error:
            if ledger.taken_over is not None:
                raise ledger.taken_over from error
            _log.debug("The session broke off", exc_info=True)
            if search.finished:  # every trial has ended, so it does not matter that Ray could not end properly
                return Ending.FINISHED
            print_line(self.console, f"The search broke off: {last_line(str(error))}")
            return Ending.BROKEN_OFF

    def progress(self, search: Search) -> Progress:
        """Return the display that fits the terminal and the verbosity."""
        folder, console = self.plan.folder, self.console
        verbosity, seconds = self.request.verbosity, self.request.time_budget_seconds
        if verbosity < 0:
            return Progress()
        if console.is_terminal and verbosity == 0:
            images = folder.validation_images
            return LiveProgress(search, console, folder.name, time_budget_seconds=seconds, validation_images=images)
        return PlainProgress(search, console, every_epoch=verbosity > 0, time_budget_seconds=seconds)


class _Watchers(NamedTuple):
    """What follows a session beside the search itself."""

    publisher: "Publisher"
    progress: Progress
    steering: Steering
    event_command: EventCommand | None


def _check_tracking(plan: Plan) -> None:
    """Refuse to start a search if MLflow does not answer. A search on record continues, and MLflow catches up later."""
    store.require_uri(plan.tracking_uri)
    try:
        store.require_reachable(plan.tracking_uri)
    except UsageError as error:
        if not plan.is_resume:
            raise
        _log.warning("%s The search continues, and MLflow is written as soon as it answers.", error)


def _close(publisher: "Publisher", status: str) -> bool:
    """Wait until MLflow has the whole search and return whether it has; a signal ends the waiting."""
    try:
        return publisher.close(status)
    except KeyboardInterrupt:
        return False
