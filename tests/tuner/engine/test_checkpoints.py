"""What stays on disk of a trial that has ended."""

from pathlib import Path

import pytest
from simulated_search import MakeLedger, checkpoint_of, new_search, small_space

from tuner.engine.checkpoints import CheckpointSweeper
from tuner.search import Search

GOOD = {"natural_accuracy": 0.9, "pgd_accuracy": 0.9}


@pytest.fixture
def search(make_ledger: MakeLedger, tmp_path: Path) -> Search:
    search = new_search(make_ledger)
    search.listeners.append(CheckpointSweeper(tmp_path, search.space))
    search.next_assignment()
    return search


def write(folder: Path, *checkpoints: str) -> None:
    for checkpoint in checkpoints:
        (folder / checkpoint).mkdir(parents=True)
        (folder / checkpoint / "checkpoint.pt").touch()


def on_disk(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.glob("ray/session-*/trial-*/checkpoint_*")}


def test_the_last_on_record_stays_and_no_other_trial_is_touched(search: Search, tmp_path: Path) -> None:
    last = "ray/session-2/trial-0000_ab12/checkpoint_000000"
    others = {"ray/session-1/trial-0001/checkpoint_000000", "ray/session-1/trial-00001/checkpoint_000000"}
    write(tmp_path, checkpoint_of(0, 1), checkpoint_of(0, 2), last, *others)
    search.report(0, 1, GOOD, checkpoint_of(0, 1))
    search.report(0, 2, GOOD, checkpoint_of(0, 2))
    assert len(on_disk(tmp_path)) == 5, "while it runs it may need them all"
    search.report(0, 9, GOOD, last)
    assert on_disk(tmp_path) == {last, *others}


def test_a_failed_trial_keeps_the_checkpoint_of_its_last_epoch(search: Search, tmp_path: Path) -> None:
    write(tmp_path, checkpoint_of(0, 1), checkpoint_of(0, 2))
    search.report(0, 1, GOOD, checkpoint_of(0, 1))
    search.fail(0, "out of memory")
    assert on_disk(tmp_path) == {checkpoint_of(0, 1)}


def test_without_a_record_all_are_removed_and_without_the_last_one_on_disk_none(search: Search, tmp_path: Path) -> None:
    write(tmp_path, checkpoint_of(0, 1), checkpoint_of(1, 1))
    search.next_assignment()
    search.fail(0, "out of memory")
    assert on_disk(tmp_path) == {checkpoint_of(1, 1)}
    search.report(1, 9, GOOD, "ray/elsewhere/trial-0001/checkpoint_000008")
    assert on_disk(tmp_path) == {checkpoint_of(1, 1)}


def test_epochs_that_may_be_points_of_the_front_stay(make_ledger: MakeLedger, tmp_path: Path) -> None:
    space = small_space(search={"candidates": "every_evaluation"})
    search = Search(space, make_ledger(space))
    search.listeners.append(CheckpointSweeper(tmp_path, space))
    search.next_assignment()
    write(tmp_path, *(checkpoint_of(0, epoch) for epoch in (2, 4, 5, 6)))
    for epoch, natural, pgd in ((2, 0.9, 0.1), (4, 0.4, 0.4), (5, 0.5, 0.5), (6, 0.3, 0.3)):
        metrics = {"natural_accuracy": natural, "pgd_accuracy": pgd}
        search.report(0, epoch, metrics, checkpoint_of(0, epoch))
    search.fail(0, "out of memory")
    assert on_disk(tmp_path) == {checkpoint_of(0, epoch) for epoch in (2, 5, 6)}
