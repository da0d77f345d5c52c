"""Where progress is printed to."""

import os
import sys
from pathlib import Path

from rich.console import Console


class ProgressConsole(Console):
    """Standard output, whose reader may go away, as that of `tuner run … | head` does: the search goes on unseen."""

    def on_broken_pipe(self) -> None:
        """Print nothing any more, where Rich would end the process."""
        self.quiet = True
        # What waits in Python's own buffer is written at the process's end, and must find a place then.
        with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
            os.dup2(nowhere.fileno(), sys.stdout.fileno())
