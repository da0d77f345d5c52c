"""The snapshots that the chaos benchmark takes of a running search."""

from pathlib import Path

from simulated_search import MakeLedger, drive, small_space

from benchmarks.chaos.checks import Faults, check_epochs, epochs_begun
from benchmarks.chaos.tuner_search import TunerSearch
from tuner.ledger import TrialRecord
from tuner.search import Search


def test_an_epoch_recorded_during_a_look_was_not_trained_again(make_ledger: MakeLedger, tmp_path: Path) -> None:
    ledger = make_ledger(small_space(search={"trials": 1}))

    def while_it_trains(_: Path) -> list[TrialRecord]:
        drive(Search(small_space(search={"trials": 1}), ledger))
        trials = ledger.load()
        lines = [f"{trial.number} {epoch}\n" for trial in trials for epoch in range(1, trial.epochs_trained + 1)]
        search.begun_file.write_text("".join(lines))
        return trials

    search = TunerSearch(tmp_path / "attacked", [], while_it_trains)
    search.folder.mkdir()
    (search.folder / "space.yaml").touch()
    search.remember()
    faults = Faults()
    assert check_epochs(epochs_begun(search.begun_file), search.snapshots, faults) == 0
    assert faults.found == {}
