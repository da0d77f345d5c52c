import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from raises_about import raises_about
from stand_ins import make_config, words_in, write_sealed

from training.trainer.checkpoint import (
    FILE_NAME,
    CheckpointError,
    StorageError,
    find_checkpoint,
    load_checkpoint,
    read_checkpoint,
    save_checkpoint,
)

STATE: dict[str, Any] = {
    "epoch": 2,
    "model": {"weight": torch.arange(1000.0)},
    "history": [{"loss/total": 0.5}],
}


def test_round_trip(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "folder"
    save_checkpoint(folder, make_config(), STATE)
    state = load_checkpoint(folder, make_config())
    assert torch.equal(state.pop("model")["weight"], torch.arange(1000.0))
    assert state == {"epoch": 2, "history": [{"loss/total": 0.5}]}
    assert [path.name for path in folder.iterdir()] == [FILE_NAME]


@pytest.mark.parametrize("changes", [{"data_root": "elsewhere"}, {"eval_every": 4, "rungs": [2]}, {"stop_after": 1}])
def test_data_may_have_moved_and_evaluations_may_have_another_schedule(tmp_path: Path, changes: dict[str, Any]) -> None:
    """`confirm --no-retrain` measures a trial that was evaluated at its rungs in a grid without any."""
    save_checkpoint(tmp_path, make_config(**changes), STATE)
    assert load_checkpoint(tmp_path, make_config())["epoch"] == 2


def test_another_configuration_is_refused_with_each_difference(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, make_config(alpha=0.5, lam=4), STATE)
    with raises_about(CheckpointError, (tmp_path / FILE_NAME, "alpha", "lambda")) as caught:
        load_checkpoint(tmp_path, make_config(alpha=0.25, lam=3))
    values = ["0.5", "0.25", "4.0", "3.0"]
    assert words_in(str(caught.value), values) == values


def test_a_configuration_with_other_keys_is_refused(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, make_config(), STATE)
    path = tmp_path / FILE_NAME
    content = torch.load(path, weights_only=True)
    del content["config"]["views"]
    write_sealed(path, content)
    with raises_about(CheckpointError, (path, "views")):
        load_checkpoint(tmp_path, make_config())
    with raises_about(CheckpointError, (path, "views")):
        read_checkpoint(path)
    content["config"] |= {"views": list(make_config().knobs["views"]), "gone_since": 1}
    write_sealed(path, content)
    with raises_about(CheckpointError, (path, "gone_since")):
        load_checkpoint(tmp_path, make_config())
    with raises_about(CheckpointError, (path, "gone_since")):
        read_checkpoint(path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with raises_about(CheckpointError, tmp_path / FILE_NAME) as caught:
        load_checkpoint(tmp_path, make_config())
    assert type(caught.value) is CheckpointError


def test_a_storage_that_cannot_be_reached_is_no_damage(tmp_path: Path) -> None:
    path = tmp_path / FILE_NAME
    path.symlink_to(path)  # the system refuses to follow it, as a storage out of reach refuses to answer
    with raises_about(StorageError, path):
        load_checkpoint(tmp_path, make_config())


@pytest.mark.parametrize(
    "damage",
    [
        *(lambda content, share=share: content[: int(share * len(content))] for share in (0.0, 0.3, 0.9, 0.999)),
        lambda content: content[: content.rindex(b"crc32:") - 2] + b"\0\0",
        lambda _: b"not a checkpoint",
        lambda _: pickle.dumps(1),
    ],
)
def test_a_file_without_its_whole_content_and_checksum_is_refused(
    tmp_path: Path, damage: Callable[[bytes], bytes]
) -> None:
    save_checkpoint(tmp_path, make_config(), STATE)
    path = tmp_path / FILE_NAME
    path.write_bytes(damage(path.read_bytes()))
    with raises_about(CheckpointError, path) as caught:
        load_checkpoint(tmp_path, make_config())
    assert isinstance(caught.value.__cause__, zipfile.BadZipFile)


def test_no_changed_bit_gives_another_state(tmp_path: Path) -> None:
    """Of the archive's directory, which has no checksum of its own, and of the seal itself, too."""
    state = {"epoch": 2, "model": {"weight": torch.arange(3.0)}}
    save_checkpoint(tmp_path, make_config(), state)
    content = (tmp_path / FILE_NAME).read_bytes()
    directory = content.index(b"PK\x01\x02")
    refused = 0
    for place in (*range(0, directory, 97), *range(directory, len(content))):
        changed = bytearray(content)
        changed[place] ^= 1 << place % 8
        (tmp_path / FILE_NAME).write_bytes(changed)
        try:
            loaded = load_checkpoint(tmp_path, make_config())
        except CheckpointError:
            refused += 1
            continue
        assert loaded["epoch"] == 2
        assert torch.equal(loaded["model"]["weight"], torch.arange(3.0))
    assert refused >= len(range(directory)) // 97 + len(content) - directory - 8


@pytest.mark.parametrize("content", [{"epoch": 1}, [1, 2], {"format": 99, "config": {}, "state": {}}])
def test_another_format_is_refused(tmp_path: Path, content: object) -> None:
    write_sealed(tmp_path / FILE_NAME, content)
    with raises_about(CheckpointError, (tmp_path / FILE_NAME, "format")):
        load_checkpoint(tmp_path, make_config())


def test_a_folder_that_cannot_be_read_is_an_error_of_the_storage(tmp_path: Path) -> None:
    folder = tmp_path / ("a" * 300)
    with raises_about(StorageError, folder):
        find_checkpoint(folder)


class Malicious:
    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.system, ("touch executed",)


def test_code_in_the_file_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_sealed(tmp_path / FILE_NAME, {"format": 1, "config": Malicious()})
    with raises_about(CheckpointError, tmp_path / FILE_NAME) as caught:
        load_checkpoint(tmp_path, make_config())
    assert isinstance(caught.value.__cause__, pickle.UnpicklingError)
    assert not Path("executed").exists()


def test_a_failed_save_keeps_the_earlier_checkpoint(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, make_config(), STATE)
    with pytest.raises(Exception, match="pickle"):
        save_checkpoint(tmp_path, make_config(), {"epoch": 3, "unsavable": lambda: None})
    assert load_checkpoint(tmp_path, make_config())["epoch"] == 2
    assert [path.name for path in tmp_path.iterdir()] == [FILE_NAME]
