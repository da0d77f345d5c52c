"""Loads a search as its readers see it: its space, its trials and its front."""

from dataclasses import dataclass, replace
from pathlib import Path

from tuner.ledger import TrialRecord, as_interrupted
from tuner.report.analysis.confirmations import confirmed_trials
from tuner.report.analysis.front_data import FrontData, front_data
from tuner.runs.folder import find_search, recorded_space
from tuner.runs.lock import is_driven
from tuner.space import Space


@dataclass(frozen=True, slots=True)
class LoadedSearch:
    """A search at one moment: its space, its trials by number, and what they show."""

    space: Space
    trials: list[TrialRecord]
    data: FrontData


def load_search(runs_dir: Path, name: str, ledger_url: str | None = None) -> LoadedSearch:
    """Return a search from its ledger; raise UsageError if there is none of this name.

    If no driver is at work, the trials that are running on record are shown as interrupted.
    """
    folder = find_search(runs_dir, name)
    with folder.ledger(ledger_url) as ledger:
        space, trials = recorded_space(ledger), ledger.load()
    shown = trials if is_driven(folder.path, folder.ledger_url(ledger_url)) else as_interrupted(trials)
    data = front_data(name, shown, space.objective_list, space.reference, space.trial)
    return LoadedSearch(space, shown, replace(data, confirmed=confirmed_trials(runs_dir, name, shown)))
