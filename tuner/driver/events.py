"""What a driver does when its session of Ray Tune has something to tell."""

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.console import Console

from tuner.driver.conclusion import EXIT_CODES
from tuner.driver.progress import Progress
from tuner.driver.progress.summary import print_line
from tuner.engine.session_events import Ending, SessionEvents, closing_status
from tuner.search import Search

if TYPE_CHECKING:  # importing MLflow takes seconds
    from tuner.driver.publisher import Publisher


@dataclass(frozen=True)
class DriverEvents(SessionEvents):
    """Prints what happens in a session, and ends the process if Ray is lost."""

    search: Search
    publisher: "Publisher"
    progress: Progress
    console: Console
    how_to_resume: str

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
        self.publisher.close(closing_status(ending, self.search.trials))
        print_line(self.console, f"{reason} {self.how_to_resume}")
        os._exit(EXIT_CODES[ending])
