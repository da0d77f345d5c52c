"""How often the test set of a search was measured."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from simulated_confirmation import SEARCH_ID, TRIALS, confirmation
from simulated_search import small_space

from tuner.confirm.measurements import FOLDER, count_line, measurements, record_measurements
from tuner.confirm.presentation import presentation_of
from tuner.report.analysis.front_data import front_data
from tuner.runs.folder import SearchFolder
from tuner.space import Space


def frozen(runs: Path, name: str, search_id: str, space: Space) -> Path:
    """Make the folder of a search, or of a confirmation; return its path."""
    folder = SearchFolder(runs / name)
    folder.path.mkdir(exist_ok=True)
    folder.freeze(space, {"search_id": search_id, "created": "2026-01-01", "versions": {}})
    return folder.path


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """A folder with the search, whose confirmations have folders of their own."""
    frozen(tmp_path, "small-1", SEARCH_ID, small_space())
    frozen(tmp_path, "small-1-confirm", "small-1-confirm-1", confirmation())
    return tmp_path


def counts(runs: Path) -> dict[str, int]:
    return {identifier: entry["measurements"] for identifier, entry in measurements(runs / "small-1").items()}


def test_each_measured_training_counts_once_for_the_search(runs: Path) -> None:
    space, folder = confirmation(), runs / "small-1-confirm"
    assert counts(runs) == {}
    record_measurements(folder, space, TRIALS[:1])
    data = front_data("c", TRIALS, space.objective_list, space.reference)
    for _ in range(2):
        presentation_of(space).write_files(folder, data)
    assert counts(runs) == {"small-1-confirm-1": 3}, "one has failed"
    assert measurements(runs / "small-1")["small-1-confirm-1"]["trials"] == [7, 3]


def test_a_confirmation_that_takes_the_name_of_a_deleted_one_is_counted_beside_it(runs: Path) -> None:
    record_measurements(runs / "small-1-confirm", confirmation(), TRIALS)
    again = frozen(runs, "small-1-confirm", "small-1-confirm-2", confirmation())
    record_measurements(again, confirmation(), TRIALS[:2])
    assert counts(runs) == {"small-1-confirm-1": 3, "small-1-confirm-2": 2}
    assert "5" in count_line("small-1", measurements(runs / "small-1"))


def test_a_search_that_takes_the_name_of_the_confirmed_one_was_not_measured(runs: Path) -> None:
    frozen(runs, "small-1", "small-1-later", small_space())
    record_measurements(runs / "small-1-confirm", confirmation(), TRIALS)
    assert counts(runs) == {}


def test_the_best_and_the_last_epoch_are_two_measurements(runs: Path) -> None:
    (report,) = TRIALS[0].reports
    for best, expected in ((4, 2), (report.epoch, 1)):
        metrics = {**report.metrics, "best_epoch": float(best), "test/PGD-20 last epoch": 0.4}
        trial = replace(TRIALS[0], reports=(replace(report, metrics=metrics),))
        record_measurements(runs / "small-1-confirm", confirmation(), [trial])
        assert counts(runs) == {"small-1-confirm-1": expected}


def test_nothing_is_written_without_a_measurement_or_a_search(runs: Path) -> None:
    record_measurements(runs / "small-1-confirm", confirmation(), [TRIALS[3]])
    assert not (runs / "small-1" / FOLDER).exists()
    (runs / "small-1" / "space.yaml").unlink()
    (runs / "small-1").rmdir()
    record_measurements(runs / "small-1-confirm", confirmation(), TRIALS)
    assert not (runs / "small-1").exists()


@pytest.mark.parametrize("content", ["{", "[]", '"three"', '{"measurements": "three"}', None])
def test_what_cannot_be_read_is_left_out_and_written_again(
    runs: Path, content: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    place = runs / "small-1" / FOLDER
    place.mkdir()
    (place / "other.json").write_text(json.dumps({"measurements": 2, "confirmation": "other"}))
    file = place / "small-1-confirm-1.json"
    if content is None:
        file.mkdir()  # what cannot be opened as a file, even by a user with all rights
    else:
        file.write_text(content)
    assert counts(runs) == {"other": 2}
    assert len(caplog.records) == 1
    assert "2" in count_line("small-1", measurements(runs / "small-1"))
    record_measurements(runs / "small-1-confirm", confirmation(), TRIALS)
    assert counts(runs) == ({"other": 2} if content is None else {"other": 2, "small-1-confirm-1": 3})
