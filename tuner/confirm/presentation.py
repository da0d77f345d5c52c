"""What a search shows, writes, describes and refuses: the one place that tells a confirmation from a search.

The accuracies of a confirmation are those of the test set. A front of them would invite a choice by the test set.
Therefore a confirmation has a table in place of a front, and nothing ranks, chooses or reuses its trials.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from tuner.confirm.measurements import record_measurements
from tuner.confirm.table import (
    attacks_of,
    confirm_section,
    confirmation_markdown,
    confirmation_rows,
    confirmation_table,
    warning_lines,
    write_confirmation,
)
from tuner.errors import UsageError
from tuner.report.analysis.front_data import FrontData
from tuner.report.analysis.seed_means import has_seeds
from tuner.report.analysis.text_tables import front_markdown, summary
from tuner.report.console.tables import front_table, seed_means_table
from tuner.runs.mirror import download, place_of, runs_flag
from tuner.space import STOP_AFTER, Space


class Use(StrEnum):
    """What somebody wants to do with the trials of a search, in the words of an error message."""

    CHOICE = "choose a trial"
    COMPARISON = "compare fronts"
    CONFIRMATION = "choose trials to confirm"
    WARM_START = "warm-start another search"


class ConfirmationError(UsageError):
    """A confirmation, the subject, cannot be used as somebody wanted (`use`); the `search` that it confirms can."""

    def __init__(self, subject: str, search: str, use: Use) -> None:
        super().__init__(
            f"{subject} is a confirmation. Its accuracies are those of the test set, which must not be used to "
            f"{use}. Use the search that it confirms: {search}.",
            subject,
        )
        self.search = search
        self.use = use


class SearchPresentation:
    """A search: its result is a Pareto front, and its trials may be used for everything."""

    # The name of the search that this one confirms.
    confirms: str | None = None
    # Whether trials may be ranked: on fronts in the terminal and in files, by Pareto tags in MLflow.
    has_front = True

    def require(self, use: Use, name: str) -> None:
        """Allow every use."""
        del use, name

    def require_inputs(self, runs_dir: Path) -> None:
        """Need nothing beside the data: every trial trains its own weights."""
        del runs_dir

    def purpose(self) -> list[str]:
        """Return the lines of a dry run that say what the trials are for: none, the parameters say it all."""
        return []

    def result_table(self, data: FrontData) -> RenderableType:
        """Return the front, or the means over the seeds of a grid, or a sentence if no trial has completed."""
        if has_seeds(data) and data.points:
            return seed_means_table(data)
        return front_table(data) if data.front else Text(summary(data))

    def warnings(self, folder: Path) -> list[str]:
        """Return no reasons to doubt the results: only a confirmation checks its evaluations."""
        del folder
        return []

    def next_command(self, folder: Path) -> tuple[str, str]:
        """Return the command that shows the front, and what it shows."""
        files = f"{place_of(folder)}/front.html, .png, .svg, .csv, .json"
        return f"tuner front {folder.name}{runs_flag(folder.parent)}", f"the front; its files: {files}"

    def write_files(self, folder: Path, data: FrontData) -> list[Path]:
        """Write the five files of the front and return their paths."""
        from tuner.report.front_files import write_front_files

        return write_front_files(folder, data)

    def markdown(self, data: FrontData, links: Mapping[int, str]) -> str:
        """Return the front as a markdown table with links to its trials, for the description in MLflow."""
        return front_markdown(data, links)

    def list_columns(self, data: FrontData) -> dict[str, Any]:
        """Return the columns of `tuner list` that depend on a front."""
        return {"front": len(data.front), "hypervolume": data.hypervolume}


@dataclass(frozen=True)
class ConfirmationPresentation:
    """A confirmation: its result is a table of means over seeds, and its trials may not be ranked or reused."""

    space: Space
    has_front = False

    @property
    def confirms(self) -> str:
        """The name of the search that this one confirms."""
        return confirm_section(self.space).search

    def require(self, use: Use, name: str) -> None:
        """Refuse every use."""
        raise ConfirmationError(name, self.confirms, use)

    def require_inputs(self, runs_dir: Path) -> None:
        """Raise UsageError if a checkpoint whose weights are to be measured is missing, damaged or out of reach."""
        from training.trainer.checkpoint import CheckpointError, StorageError, find_checkpoint, read_checkpoint

        confirm = confirm_section(self.space)
        for number, checkpoint in zip(confirm.trials, confirm.checkpoints, strict=False):
            try:
                read_checkpoint(find_checkpoint(download(runs_dir / checkpoint)))
            except CheckpointError as error:
                message = f"The weights of trial {number} of {confirm.search} cannot be measured: {error}"
                if not isinstance(error, StorageError):  # it says itself what to do: the weights may be whole
                    message += " Restore them from a backup, or leave out --no-retrain."
                raise UsageError(message, number) from error

    def purpose(self) -> list[str]:
        """Return the confirmed trials, how they are trained, and how they are measured."""
        confirm = confirm_section(self.space)
        norm = "" if confirm.norm is None else f", {confirm.norm}"
        radius = norm + ("" if confirm.epsilon is None else f", epsilon {confirm.epsilon:.4g}")
        images = f"{confirm.images} test images" if confirm.images else "all test images"
        best = self.space.shared("select") == "best"
        again = "training images; validation images choose the epoch" if best else "training and validation images"
        training = f"trained again on {again}" if confirm.retrain else "with their own weights, untrained"
        names = list(map(str, confirm.trials))
        if STOP_AFTER in self.space.parameters:
            points = zip(confirm.trials, self.space.search.points, strict=True)
            names = [f"{number} after epoch {point[STOP_AFTER]}" for number, point in points]
        return [
            f"Confirms:   trial {', '.join(names)} of {confirm.search}, {training}",
            f"Measures:   {attacks_of(confirm)} on {images}{radius}{', the best and the last epoch' if best else ''}",
        ]

    def result_table(self, data: FrontData) -> RenderableType:
        """Return the table of the confirmed trials."""
        return confirmation_table(self.space, confirmation_rows(self.space, data.records))

    def warnings(self, folder: Path) -> list[str]:
        """Return the warnings of the evaluations, a line for each."""
        return warning_lines(folder)

    def next_command(self, folder: Path) -> tuple[str, str]:
        """Return the command that shows the front of the search, with these results as error bars."""
        command = f"tuner front {self.confirms}{runs_flag(folder.parent)}"
        return command, f"the front with error bars; the table: {place_of(folder)}/confirmation.md"

    def write_files(self, folder: Path, data: FrontData) -> list[Path]:
        """Write the table in three formats and return the paths; record the measurements in the search's folder."""
        record_measurements(folder, self.space, data.records)
        return write_confirmation(folder, self.space, confirmation_rows(self.space, data.records))

    def markdown(self, data: FrontData, links: Mapping[int, str]) -> str:
        """Return the table of the confirmed trials; each stands for several runs, so it has no link."""
        del links
        return confirmation_markdown(self.space, confirmation_rows(self.space, data.records))

    def list_columns(self, data: FrontData) -> dict[str, Any]:
        """Return the columns empty: a confirmation has no front."""
        del data
        return {"front": None, "hypervolume": None}


Presentation = SearchPresentation | ConfirmationPresentation


def presentation_of(space: Space) -> Presentation:
    """Return the presentation of a search or of a confirmation, whichever the space describes."""
    return SearchPresentation() if space.confirm is None else ConfirmationPresentation(space)
