"""Loads a search as its readers see it: its space, its trials, its front, and what its confirmations measured."""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tuner.ledger import TrialRecord, as_interrupted
from tuner.report.analysis.front_data import Confirmed, FrontData, front_data
from tuner.runs.folder import SearchFolder, find_search, recorded_space
from tuner.runs.lock import is_driven
from tuner.search.enqueued import fault_of_enqueued
from tuner.space import Space

# From the weakest attacks to the strongest.
_SUITES = ("quick", "paper", "standard")

_log = logging.getLogger(__name__)


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
    """Return a search from its ledger; raise UsageError if there is none of this name.

    If no driver is at work, the trials that are running on record are shown as interrupted.
    """
    folder = find_search(runs_dir, name)
    with folder.ledger(ledger_url) as ledger:
        space = recorded_space(ledger)
        trials, states = ledger.load_with_foreign()
        faults = {number: fault_of_enqueued(space, wanted) for number, wanted in ledger.enqueued().items()}
    foreign = [ForeignTrial(number, state, faults.get(number)) for number, state in states.items()]
    shown = trials if is_driven(folder.path, folder.ledger_url(ledger_url)) else as_interrupted(trials)
    return LoadedSearch(space, shown, search_data(runs_dir, name, space, shown), foreign)


def search_data(runs_dir: Path, name: str, space: Space, trials: Sequence[TrialRecord]) -> FrontData:
    """Return the front of a search, with what its folder says and what the confirmations beside it measured."""
    data = front_data(name, trials, space.objective_list, space.reference, space.trial)
    classes = SearchFolder(runs_dir / name).classes
    return replace(data, confirmed=confirmed_trials(runs_dir, name, trials), classes=classes)


def confirmed_trials(runs_dir: Path, search: str, trials: Sequence[TrialRecord]) -> tuple[Confirmed, ...]:
    """Return what the confirmations in a folder of searches measured for the trials of a search, by trial.

    Only trials with the confirmed parameters count: a search that was removed and run again has others. A file that
    cannot be read is left out, with a warning.
    """
    by_number = {trial.number: trial for trial in trials}
    found = [
        _confirmed(path.parent.name, document, row)
        for path in sorted(runs_dir.glob("*/confirmation.json"))
        if (document := _read(path)).get("search") == search
        for row in document["rows"]
        if (trial := by_number.get(row["trial"])) is not None and _same(trial.parameters, row["parameters"])
    ]
    return tuple(sorted(found, key=lambda confirmed: confirmed.trial))


def best_confirmed(confirmed: Sequence[Confirmed], number: int) -> Confirmed | None:
    """Return the best confirmation of a trial: retrained first, then the strongest suite, then the most seeds."""
    of_trial = [found for found in confirmed if found.trial == number]
    return max(of_trial, key=lambda found: (found.retrained, _SUITES.index(found.suite), found.seeds), default=None)


def _read(path: Path) -> dict[str, Any]:
    try:
        document: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        _log.warning("%s cannot be read (%s): its confirmed trials are not shown.", path, error)
        return {}
    return document


def _confirmed(confirmation: str, document: Mapping[str, Any], row: Mapping[str, Any]) -> Confirmed:
    return Confirmed(
        confirmation=confirmation,
        trial=row["trial"],
        seeds=row["seeds"],
        retrained=document["retrain"],
        suite=document["suite"],
        means=row["means"],
        deviations=row["deviations"],
        warnings=row["warnings"],
    )


def _same(parameters: Mapping[str, Any], confirmed: Mapping[str, Any]) -> bool:
    """Return whether parameters agree, apart from the seed, which a confirmation changes, and missing keys."""
    return all(parameters[name] == value for name, value in confirmed.items() if name in parameters and name != "seed")
