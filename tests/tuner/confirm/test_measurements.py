"""How often the test set of a search was measured."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from simulated_confirmation import TRIALS, confirmation

from tuner.confirm.measurements import FILE, count_line, measurements, record_measurements
from tuner.confirm.presentation import presentation_of
from tuner.report.analysis.front_data import front_data


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """A folder with the search, whose confirmations have folders of their own."""
    (tmp_path / "small-1").mkdir()
    (tmp_path / "small-1-confirm").mkdir()
    return tmp_path


def test_each_measured_training_counts_once_for_the_search(runs: Path) -> None:
    space, search = confirmation(), runs / "small-1"
    assert measurements(search) == {}
    record_measurements(runs / "small-1-confirm", space, TRIALS[:1])
    data = front_data("c", TRIALS, space.objective_list, space.reference)
    for _ in range(2):
        presentation_of(space).write_files(runs / "small-1-confirm", data)
    found = measurements(search)
    assert {name: entry["measurements"] for name, entry in found.items()} == {"small-1-confirm": 3}, "one has failed"
    record_measurements(runs / "again", space, TRIALS[:2])
    assert "5" in count_line("small-1", measurements(search))
    assert found["small-1-confirm"]["trials"] == [7, 3]


def test_the_best_and_the_last_epoch_are_two_measurements(runs: Path) -> None:
    (report,) = TRIALS[0].reports
    for best, expected in ((4, 2), (report.epoch, 1)):
        metrics = {**report.metrics, "best_epoch": float(best), "test/PGD-20 last epoch": 0.4}
        trial = replace(TRIALS[0], reports=(replace(report, metrics=metrics),))
        record_measurements(runs / "c", confirmation(), [trial])
        assert measurements(runs / "small-1")["c"]["measurements"] == expected


def test_nothing_is_written_without_a_measurement_or_a_search(runs: Path, tmp_path: Path) -> None:
    record_measurements(runs / "c", confirmation(), [TRIALS[3]])
    assert not (runs / "small-1" / FILE).exists()
    (runs / "small-1").rmdir()
    record_measurements(runs / "c", confirmation(), TRIALS)
    assert not (tmp_path / "small-1").exists()


def test_a_damaged_record_is_begun_again(runs: Path) -> None:
    file = runs / "small-1" / FILE
    file.write_text("{")
    record_measurements(runs / "c", confirmation(), TRIALS)
    assert list(json.loads(file.read_text())) == ["c"]
