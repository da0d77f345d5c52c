"""Loads a search as its readers see it: its space, its trials, its front, and what its confirmations measured."""

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ValidationError

from training.suite_names import SuiteName
from tuner.errors import UsageError
from tuner.ledger import SqlLedger, TrialRecord, as_interrupted
from tuner.report.analysis.front_data import FrontData, front_data
from tuner.report.analysis.front_points import Confirmed
from tuner.report.commands import lasting_flag
from tuner.runs.find import find_search
from tuner.runs.folder import SearchFolder, recorded_space
from tuner.runs.lock import is_driven
from tuner.search.enqueued import fault_of_enqueued
from tuner.space import Space

# From the weakest attacks to the strongest.
_SUITES = tuple(SuiteName)

_log = logging.getLogger(__name__)


class _MeasuredTrial(BaseModel):
    """A row of `confirmation.json`; a mean that is no number is None there."""

    trial: int
    seeds: int
    means: dict[str, float | None]
    deviations: dict[str, float | None]
    warnings: int
    epoch: int | None = None


class _Measured(BaseModel):
    """What readers of a search need of `confirmation.json`."""

    search_id: str
    retrain: bool
    suite: SuiteName
    attacks: tuple[str, ...]
    epsilon: float | None
    select: Literal["last", "best"]
    rows: list[_MeasuredTrial]

    def confirmed(self, confirmation: str) -> list[Confirmed]:
        """Return the rows, for the confirmation of this name."""
        return [
            Confirmed(
                confirmation=confirmation,
                trial=row.trial,
                seeds=row.seeds,
                retrained=self.retrain,
                suite=self.suite,
                attacks=self.attacks,
                epsilon=self.epsilon,
                select=self.select,
                means={name: math.nan if mean is None else mean for name, mean in row.means.items()},
                deviations={name: row.deviations.get(name) for name in row.means},
                warnings=row.warnings,
                epoch=row.epoch,
            )
            for row in self.rows
        ]


@dataclass(frozen=True, slots=True)
class ForeignTrial:
    """A trial that another program has added to the ledger of a search, with its state in Optuna's words.

    A trial that waits, because it was enqueued, is run next unless it has a `fault`.
    """

    trial: int
    state: str
    fault: str | None


@dataclass(frozen=True, slots=True)
class LoadedSearch:
    """A search at one moment: its space, its trials by number, what they show, and the trials of other programs."""

    space: Space
    trials: list[TrialRecord]
    data: FrontData
    foreign: list[ForeignTrial]


def load_search(runs_dir: Path, name: str, ledger_url: str | None = None) -> LoadedSearch:
    """Return a search from its ledger; raise UsageError if there is none of this name."""
    folder = find_search(runs_dir, name)
    with folder.ledger(ledger_url) as ledger:
        return search_on_record(folder, ledger)


def search_on_record(folder: SearchFolder, ledger: SqlLedger) -> LoadedSearch:
    """Return the search of a folder from its open ledger.

    If no driver is at work, the trials that are running on record are shown as interrupted.
    """
    space = recorded_space(ledger)
    trials, states = ledger.load_with_foreign()
    faults = {number: fault_of_enqueued(space, wanted) for number, wanted in ledger.enqueued().items()}
    foreign = [ForeignTrial(number, state, faults.get(number)) for number, state in states.items()]
    shown = trials if is_driven(folder.path, ledger.url) else as_interrupted(trials)
    return LoadedSearch(space, shown, search_data(folder.path.parent, folder.name, space, shown), foreign)


def front_of(name: str, space: Space, trials: Sequence[TrialRecord]) -> FrontData:
    """Return the front of a search, as its space defines it."""
    return front_data(
        name,
        trials,
        space.objective_list,
        space.reference,
        space.trial,
        constraints=space.constraint_list,
        every_epoch=space.every_epoch,
        reseeds=space.reseeds,
    )


def search_data(runs_dir: Path, name: str, space: Space, trials: Sequence[TrialRecord]) -> FrontData:
    """Return the front of a search, with what its folder says and what the confirmations beside it measured."""
    folder, data = SearchFolder(runs_dir / name), front_of(name, space, trials)
    return replace(
        data,
        confirmed=confirmed_trials(runs_dir, name),
        classes=folder.classes,
        validation_images=folder.validation_images,
        runs_flag=lasting_flag(runs_dir),
    )


def confirmed_trials(runs_dir: Path, search: str) -> tuple[Confirmed, ...]:
    """Return what the confirmations in a folder of searches measured for the trials of a search, by trial.

    The id of the search decides, not its name: a search may be renamed, or removed and run again. A file that cannot be
    read is left out, with a warning.
    """
    found: list[Confirmed] = []
    for path in sorted(runs_dir.glob("*/confirmation.json")):
        try:
            measured = _Measured.model_validate_json(path.read_bytes())
            if measured.search_id == SearchFolder(runs_dir / search).frozen()["search_id"]:
                found += measured.confirmed(path.parent.name)
        except (OSError, ValueError, UsageError) as error:
            reason = error.errors()[0]["msg"] if isinstance(error, ValidationError) else error
            _log.warning("%s cannot be read (%s): its confirmed trials are not shown.", path, reason)
    return tuple(sorted(found, key=lambda confirmed: confirmed.trial))


def best_confirmed(confirmed: Sequence[Confirmed], number: int, epoch: int | None = None) -> Confirmed | None:
    """Return the best confirmation of a trial, or of an epoch of it.

    Retrained ones come first, then those with the radius of the search, the strongest suite, and the most seeds. Named
    attacks come after every suite.
    """

    def rank(found: Confirmed) -> tuple[bool, bool, int, int]:
        suite = -1 if found.attacks else _SUITES.index(found.suite)
        return (found.retrained, found.epsilon is None, suite, found.seeds)

    return max((c for c in confirmed if (c.trial, c.epoch) == (number, epoch)), key=rank, default=None)
