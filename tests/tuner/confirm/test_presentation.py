"""What a search and a confirmation show, write, describe and refuse."""

from pathlib import Path

import pytest
from raises_about import raises_about
from rich.console import Console, RenderableType
from simulated_confirmation import TRIALS, confirmation, run
from simulated_search import small_space

from training.config import parse_trial
from training.trainer.checkpoint import FILE_NAME, StorageError, save_checkpoint
from tuner.confirm.presentation import ConfirmationError, Use, presentation_of
from tuner.errors import UsageError
from tuner.ledger import TrialRecord
from tuner.report.analysis.front_data import FrontData, front_data
from tuner.report.analysis.text_tables import summary
from tuner.report.console.tables import front_table
from tuner.space import Space, space_from_mapping


def data_of(space: Space, trials: list[TrialRecord]) -> FrontData:
    return front_data("small-1", trials, space.objective_list, space.reference)


def printed(table: RenderableType) -> str:
    console = Console(width=80, color_system=None)
    with console.capture() as capture:
        console.print(table)
    return capture.get()


SEARCH, CONFIRMATION = presentation_of(small_space()), presentation_of(confirmation())
FRONT = data_of(small_space(), [run(0, 0.9, 0.5), run(1, 0.8, 0.6)])
CONFIRMED = data_of(confirmation(), TRIALS)


def test_a_search_has_a_front_that_may_be_used_for_everything(tmp_path: Path) -> None:
    assert (SEARCH.confirms, SEARCH.has_front) == (None, True)
    for use in Use:
        SEARCH.require(use, "small-1")
    assert SEARCH.list_columns(FRONT) == {"front": 2, "hypervolume": FRONT.hypervolume}
    assert printed(SEARCH.result_table(FRONT)) == printed(front_table(FRONT))
    assert "| 0 | 90.00 | 50.00 |" in SEARCH.markdown(FRONT, {})
    assert SEARCH.next_command(tmp_path / "small-1")[0].startswith("tuner front small-1 --runs-dir ")
    assert SEARCH.warnings(tmp_path) == []
    assert {path.suffix for path in SEARCH.write_files(tmp_path, FRONT)} == {".csv", ".json", ".html", ".png", ".svg"}


def test_a_search_without_a_completed_trial_has_a_sentence_in_place_of_the_front() -> None:
    nothing = data_of(small_space(), [])
    assert str(SEARCH.result_table(nothing)) == summary(nothing)


@pytest.mark.parametrize("use", Use)
def test_a_confirmation_refuses_every_use_and_names_its_search(use: Use) -> None:
    with raises_about(ConfirmationError, "small-1-confirm") as refused:
        CONFIRMATION.require(use, "small-1-confirm")
    assert (refused.value.search, refused.value.use) == ("small-1", use)
    assert all(part in str(refused.value) for part in ("small-1-confirm", "small-1", str(use)))


def test_a_confirmation_has_a_table_in_place_of_a_front(tmp_path: Path) -> None:
    assert (CONFIRMATION.confirms, CONFIRMATION.has_front) == ("small-1", False)
    assert CONFIRMATION.list_columns(CONFIRMED) == {"front": None, "hypervolume": None}
    shown = printed(CONFIRMATION.result_table(CONFIRMED))
    assert "45.00 ± 7.07" in shown
    assert "front" not in shown.lower()
    assert "| 7 | 0.5 | 4 | 8 | 85.00 ± 7.07 |" in CONFIRMATION.markdown(CONFIRMED, {})
    assert CONFIRMATION.next_command(tmp_path / "small-1-confirm")[0].startswith("tuner front small-1 --runs-dir ")
    names = {path.name for path in CONFIRMATION.write_files(tmp_path, CONFIRMED)}
    assert names == {"confirmation.md", "confirmation.csv", "confirmation.json"}


def test_the_warnings_of_a_confirmation_come_from_its_evaluations(tmp_path: Path) -> None:
    folder = tmp_path / "evaluations" / "trial-0002"
    folder.mkdir(parents=True)
    (folder / "evaluation.json").write_text('{"warnings": [{"message": "gradients vanish"}]}')
    assert CONFIRMATION.warnings(tmp_path) == ["trial-0002 of the confirmation: gradients vanish"]


@pytest.mark.parametrize("content", [b"", b"\xff", b"[]", b"{}", b'{"warnings": 1}', b'{"warnings": [{"text": "no"}]}'])
def test_a_damaged_evaluation_hides_no_table(tmp_path: Path, content: bytes) -> None:
    folder = tmp_path / "evaluations" / "trial-0002"
    folder.mkdir(parents=True)
    (folder / "evaluation.json").write_bytes(content)
    (line,) = CONFIRMATION.warnings(tmp_path)
    assert line.startswith("trial-0002 of the confirmation: ")
    assert str(folder / "evaluation.json") in line
    CONFIRMATION.write_files(tmp_path, CONFIRMED)


def test_weights_that_are_missing_or_damaged_are_refused_before_anything_starts(tmp_path: Path) -> None:
    mapping = confirmation().model_dump(mode="json")
    mapping["search"] |= {"seeds": 1, "trials": 2}
    mapping["confirm"] |= {"retrain": False, "checkpoints": ["small-1/seven", "small-1/three"]}
    presentation = presentation_of(space_from_mapping(mapping, "confirmation"))
    for number, checkpoint in zip((7, 3), ("seven", "three"), strict=True):
        with raises_about(UsageError, number):
            presentation.require_inputs(tmp_path)
        save_checkpoint(tmp_path / "small-1" / checkpoint, parse_trial({}), {})
    presentation.require_inputs(tmp_path)
    damaged = tmp_path / "small-1" / "three" / FILE_NAME
    damaged.write_bytes(damaged.read_bytes()[:-1])
    with raises_about(UsageError, 3) as restored:
        presentation.require_inputs(tmp_path)
    damaged.parent.rename(tmp_path / "away")
    damaged.parent.symlink_to(damaged.parent)  # opening it is an error of the file system
    with raises_about(UsageError, 3) as later:
        presentation.require_inputs(tmp_path)
    assert [isinstance(error.value.__cause__, StorageError) for error in (restored, later)] == [False, True]
    assert ["from a backup" in str(error.value) for error in (restored, later)] == [True, False]
    SEARCH.require_inputs(tmp_path)
