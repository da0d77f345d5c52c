"""An earlier search as `--warm-start NAME` finds it: on disk, by its ledger."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tuner.errors import UsageError
from tuner.runs.folder import find_search, recorded_space
from tuner.search import compared_epochs
from tuner.search.warm_start import EarlierTrial, earlier_trials, to_fact
from tuner.space import Space


@dataclass(frozen=True)
class EarlierSearch:
    """The evidence that one earlier search gives, and the digest of its validation images."""

    name: str
    trials: tuple[EarlierTrial, ...]
    split_digest: str

    @property
    def line(self) -> str:
        """What is taken over, in words."""
        return f"{len(self.trials)} trials of {self.name} are evidence for the sampler"


def read_earlier(runs_dir: Path, name: str, space: Space, ledger_url: str | None) -> EarlierSearch:
    """Read what a search in `runs_dir` tells a new one over `space`; `ledger_url` is used if it has one elsewhere.

    Raises UsageError if there is no such search, or if none of its trials can be evidence.
    """
    folder = find_search(runs_dir, name)
    ledger = folder.ledger(folder.if_shared(ledger_url))
    try:
        earlier, trials, digest = recorded_space(ledger), ledger.load(), ledger.facts()["split_digest"]
    finally:
        ledger.close()
    if earlier.confirm is not None:
        raise UsageError(
            f"--warm-start {name}: it is a confirmation, measured on the test set, which no search may see; give the "
            f"search that it confirms, {earlier.confirm.search}."
        )
    return EarlierSearch(name, tuple(earlier_trials(name, earlier, trials, space, compared_epochs(space))), digest)


def warm_start_fact(searches: Sequence[EarlierSearch], split_digest: str) -> list[dict[str, Any]]:
    """Give the evidence of all searches as the new ledger holds it; raise UsageError if one saw other images."""
    for search in searches:
        if search.split_digest != split_digest:
            raise UsageError(
                f"--warm-start {search.name}: its validation images (digest {search.split_digest}) are not those of "
                f"this search (digest {split_digest}), so that their accuracies would not compare. Give the same data "
                "by --data-root, or leave the flag out."
            )
    return to_fact([trial for search in searches for trial in search.trials])
