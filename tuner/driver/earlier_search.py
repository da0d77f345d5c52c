"""An earlier search as `--warm-start NAME` finds it: on disk, by its ledger."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tuner.confirm.presentation import Use, presentation_of
from tuner.errors import UsageError
from tuner.runs.folder import find_search, recorded_space
from tuner.search import compared_epochs
from tuner.search.warm_start import EarlierTrial, earlier_trials, to_fact
from tuner.space import Space


@dataclass(frozen=True)
class EarlierSearch:
    """What a new search learns from an earlier one: its trials, and the digest of its validation images."""

    name: str
    trials: tuple[EarlierTrial, ...]
    split_digest: str

    @property
    def line(self) -> str:
        """What the sampler learns from, in words."""
        return f"the sampler learns from {len(self.trials)} trials of {self.name}"


def read_earlier(runs_dir: Path, name: str, space: Space, ledger_url: str | None) -> EarlierSearch:
    """Read what a new search over `space` can learn from the search `name`.

    `ledger_url` is used if the ledger of the earlier search is not in its folder. Raise UsageError if there is no such
    search, if it is a confirmation, or if no trial of it can be used.
    """
    folder = find_search(runs_dir, name)
    with folder.ledger(folder.if_shared(ledger_url)) as ledger:
        earlier, trials, digest = recorded_space(ledger), ledger.load(), ledger.facts()["split_digest"]
    presentation_of(earlier).require(Use.WARM_START, name)
    return EarlierSearch(name, tuple(earlier_trials(name, earlier, trials, space, compared_epochs(space))), digest)


def warm_start_fact(searches: Sequence[EarlierSearch], split_digest: str) -> list[dict[str, Any]]:
    """Return the trials of all searches in the form of a ledger's fact.

    Raise UsageError if a search was validated on other images than those with `split_digest`.
    """
    for search in searches:
        if search.split_digest != split_digest:
            raise UsageError(
                f"--warm-start {search.name}: its validation images (digest {search.split_digest}) are not those of "
                f"this search (digest {split_digest}), so the accuracies cannot be compared. Give the same data with "
                "--data-root, or leave out --warm-start."
            )
    return to_fact([trial for search in searches for trial in search.trials])
