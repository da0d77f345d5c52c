from pathlib import Path

import pytest
from raises_about import raises_about

from training.evaluation.resume_state import ResumeState, ResumeStateError, differences_between

CONFIGURATION = {"seed": 0, "attacks": {"PGD": {"steps": 20}}, "radii": (1, 2)}


def test_keeps_what_was_put_across_processes(tmp_path: Path) -> None:
    path = tmp_path / "a" / "state.json"
    state = ResumeState(CONFIGURATION, path)
    assert not state.has("PGD", 0)
    assert not path.exists()
    state.put("PGD", 0, {"robust": "01"})
    state.put("PGD", 11, {"robust": "11"})
    again = ResumeState(CONFIGURATION, path)
    assert again.outcome("PGD", 0) == {"robust": "01"}
    assert again.has("PGD", 11)
    assert not again.has("PGD", 1)
    assert not again.has("FGSM", 0)
    assert [file.name for file in path.parent.iterdir()] == ["state.json"]


def test_without_a_path_it_is_in_memory_alone() -> None:
    state = ResumeState(CONFIGURATION, None)
    state.put("PGD", 0, 1)
    assert state.outcome("PGD", 0) == 1


def test_refuses_another_configuration_naming_what_differs(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    ResumeState(CONFIGURATION, path).put("PGD", 0, 1)
    with raises_about(ResumeStateError, (path, "device", "seed")):
        ResumeState({**CONFIGURATION, "seed": 5, "device": "cpu"}, path)


@pytest.mark.parametrize("content", ["", "[]", "{}", "{", '{"format": 1, "configuration": {}}'])
def test_refuses_a_damaged_file(tmp_path: Path, content: str) -> None:
    path = tmp_path / "state.json"
    path.write_text(content)
    with raises_about(ResumeStateError, path):
        ResumeState(CONFIGURATION, path)


def test_refuses_another_format(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    path.write_text('{"format": 2, "configuration": {}, "batches": {}}')
    with raises_about(ResumeStateError, (path, "format")):
        ResumeState(CONFIGURATION, path)


def test_long_values_are_shortened_in_a_message() -> None:
    (text,) = differences_between({"a": "x" * 500}, {"a": 1}).values()
    assert len(text) < 120
