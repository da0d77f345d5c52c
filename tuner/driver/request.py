"""What the user asked a driver for, as plain values."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Request:
    """The options of `tuner run` and `tuner confirm`; None stands for an option that was not given.

    Attributes:
        resume: the search to continue; "" stands for the newest unfinished one.
        resume_or_start: continue the search called `name` if it exists, and start it if not.
        verbosity: 1 prints every epoch, 0 every trial, -1 only the result.
        dry_run: print what would run, and start nothing.

    """

    space: str | None = None
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
