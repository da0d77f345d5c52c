"""`tuner prune`: free the disk space of checkpoints and of Ray's own files."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tuner.errors import UsageError
from tuner.ledger import TrialRecord
from tuner.report.analysis.front_points import CompletedTrial
from tuner.report.analysis.front_rows import has_ended
from tuner.report.analysis.kept_checkpoints import kept_checkpoints
from tuner.report.load import search_on_record
from tuner.runs.folder import SearchFolder
from tuner.runs.lock import driver_lock
from tuner.runs.mirror import url_of
from tuner.space import Space

# A trial that is resumed may have to go on from the checkpoint before its last one.
_KEPT_OF_RUNNING = 2


@dataclass(frozen=True)
class Prunable:
    """What can be removed from the folder of a search.

    Attributes:
        paths: the files and folders.
        size: their bytes.
        kept: the trials whose checkpoints stay, by number.

    """

    paths: tuple[Path, ...]
    size: int
    kept: tuple[int, ...]


def find_prunable(folder: SearchFolder, ledger_url: str | None, *, everything: bool) -> Prunable:
    """Return what a search does not need; remove nothing.

    The checkpoints of its front stay (with `candidates: every_evaluation` those of the epochs on it), unless
    `everything` may go. Those of trials that a resume continues always stay.
    Raise UsageError if the search is in object storage.
    """
    if (url := url_of(folder.path)) is not None:
        raise UsageError(f"{url} is in object storage: remove its folder `ray` with the tools of the storage.", url)
    with folder.ledger(ledger_url) as ledger:
        search = search_on_record(folder, ledger)
        kept = _kept(search.trials, search.space, () if everything else search.data.front)
        needed = {folder.path / place for _, place in kept}
    paths = tuple(_others(folder.path / "ray", needed))
    return Prunable(paths, sum(map(size_of, paths)), tuple(sorted({number for number, _ in kept})))


def prune(folder: SearchFolder, ledger_url: str | None, *, everything: bool) -> Prunable:
    """Remove what a search does not need, and return what it was; raise UsageError if a driver runs the search."""
    with driver_lock(folder.path, folder.ledger_url(ledger_url)):
        found = find_prunable(folder, ledger_url, everything=everything)
        for path in found.paths:
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
    return found


def size_of(path: Path) -> int:
    """Return the bytes of a file, or of all files in a folder."""
    if path.is_symlink() or not path.is_dir():
        return path.lstat().st_size
    return sum(each.lstat().st_size for each in path.rglob("*") if each.is_symlink() or each.is_file())


def _kept(trials: Sequence[TrialRecord], space: Space, front: Sequence[CompletedTrial]) -> list[tuple[int, str]]:
    """Return the checkpoints that stay, each with its trial's number: those of trials that go on, and of `front`."""
    epochs: dict[int, set[int | None]] = {}
    for point in front:
        epochs.setdefault(point.number, set()).add(point.epoch)
    found = []
    for trial in trials:
        if not has_ended(trial):
            places = [report.checkpoint for report in reversed(trial.reports) if report.checkpoint]
            found += [(trial.number, p) for p in {*places[:_KEPT_OF_RUNNING], *kept_checkpoints(trial, space)}]
            continue
        wanted = epochs.get(trial.number, set())
        if None in wanted and trial.last_checkpoint is not None:
            found.append((trial.number, trial.last_checkpoint))
        reports = trial.reports if wanted - {None} else ()
        found += [(trial.number, r.checkpoint) for r in reports if r.epoch in wanted and r.checkpoint]
    return found


def _others(folder: Path, needed: set[Path]) -> list[Path]:
    """Return what lies in a folder beside the needed folders, as few paths as possible."""
    if not folder.is_dir():
        return []
    if not any(path.is_relative_to(folder) for path in needed):
        return [folder]
    found = []
    for path in sorted(folder.iterdir()):
        if path in needed:
            continue
        found += _others(path, needed) if path.is_dir() and not path.is_symlink() else [path]
    return found
