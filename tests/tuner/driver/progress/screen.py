"""What the tests of displays share: a screen to read, a small search and its plan."""

import re
from dataclasses import replace
from io import StringIO
from pathlib import Path

from rich.console import Console
from rich.text import Text
from simulated_search import small_space

from tuner.driver.plan import Plan
from tuner.runs.folder import SearchFolder

SPACE = small_space(search={"trials": 4, "start_points": [{"alpha": 0.5, "lambda": 4, "bottleneck": 16}]})


class Screen:
    """A console whose text can be read, a terminal or not."""

    def __init__(self, *, terminal: bool = False, width: int = 200) -> None:
        self._file = StringIO()
        self.console = Console(file=self._file, width=width, force_terminal=terminal, legacy_windows=False)

    @property
    def text(self) -> str:
        """All that was printed."""
        return self._file.getvalue()

    @property
    def lines(self) -> list[str]:
        """What was printed, line by line, without colours."""
        return [Text.from_ansi(line).plain for line in self.text.splitlines()]

    def line(self, *parts: str) -> str:
        """Return the only line with all these parts."""
        (found,) = (line for line in self.lines if all(part in line for part in parts))
        return found


def numbers(text: str) -> list[float]:
    """Return the numbers in a printed text."""
    return [float(number) for number in re.findall(r"\d+(?:\.\d+)?", text)]


def good(value: float) -> dict[str, float]:
    return {"natural_accuracy": value, "pgd_accuracy": value / 2}


def plan(runs_dir: Path, **changes: object) -> Plan:
    made = Plan(
        folder=SearchFolder(runs_dir / "small-1"),
        space=SPACE,
        tracking_uri="sqlite:////runs/mlflow.db",
        ledger_url="sqlite:////runs/small-1/ledger.db",
        is_resume=False,
    )
    return replace(made, **changes)  # type: ignore[arg-type]
