"""What a driver prints of the events of a session, and how it ends if Ray is lost."""

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.console import Console

from tuner.driver.progress import Progress
from tuner.driver.progress.summary import EXIT_CODES, print_line
from tuner.engine.session_interface import Ending, SessionEvents, closing_status
from tuner.search import Search
from tuner.steering.on_event import Event, EventCommand

if TYPE_CHECKING:
    from tuner.driver.publisher import Publisher

# What a user is told of the end of a session; the other endings are wanted ones.
EVENTS = {Ending.FINISHED: Event.FINISHED, Ending.BROKEN_OFF: Event.BROKEN_OFF}


@dataclass(frozen=True)
class DriverEvents(SessionEvents):
    """Prints what happens in a session, and ends the process if Ray is lost."""

    search: Search
    publisher: "Publisher"
    progress: Progress
    console: Console
    how_to_resume: str
    event_command: EventCommand | None

    def on_retry(self, number: int, error: str) -> None:
        """Show that a trial crashed and starts again."""
        self.progress.on_retry(number, error)

    def on_fallback(self, text: str) -> None:
        """Print what a node computes in another way than the space asks."""
        print_line(self.console, f"Not as the space asks: {text}.")

    def on_stopping(self) -> None:
        """Print that the session stops; how to continue the search is printed at its end."""
        print_line(self.console, "Stopping. Press Ctrl-C again to stop at once. Nothing is lost.")

    def on_lost(self, ending: Ending, reason: str) -> None:
        """End the process: without Ray the session would never return. The ledger holds everything."""
        if self.event_command is not None:
            self.event_command.close(EVENTS.get(ending))
        self.publisher.close(closing_status(ending, self.search.trials))
        print_line(self.console, f"{reason} {self.how_to_resume}")
        os._exit(EXIT_CODES[ending])
