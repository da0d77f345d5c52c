"""The console that progress is printed to."""

import os
import sys
from pathlib import Path

from rich.console import Console


class PipeSafeConsole(Console):
    """Standard output whose reader may go away, as in `tuner run … | head`: the search continues without output."""

    def on_broken_pipe(self) -> None:
        """Print nothing from now on; Rich itself would end the process here."""
        self.quiet = True
        # Python writes the rest of its buffer when the process ends, which would fail without an open file.
        with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
            os.dup2(nowhere.fileno(), sys.stdout.fileno())
