import errno
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from stand_ins import make_config, write_sealed

from training.trainer.checkpoint import (
    FILE_NAME,
    CheckpointError,
    StorageError,
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


@pytest.mark.parametrize("changes", [{"data_root": "elsewhere"}, {"eval_every": 4, "rungs": [2]}])
def test_data_may_have_moved_and_evaluations_may_have_another_schedule(tmp_path: Path, changes: dict[str, Any]) -> None:
    """`confirm --no-retrain` measures a trial that was evaluated at its rungs in a grid without any."""
    save_checkpoint(tmp_path, make_config(**changes), STATE)
    assert load_checkpoint(tmp_path, make_config())["epoch"] == 2


def test_another_configuration_is_refused_with_each_difference(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, make_config(alpha=0.5, lam=4), STATE)
    with pytest.raises(CheckpointError) as caught:
        load_checkpoint(tmp_path, make_config(alpha=0.25, lam=3))
    assert "alpha is 0.5 there, but 0.25 here; lambda is 4.0 there, but 3.0 here" in str(caught.value)


def test_a_configuration_with_other_keys_is_refused(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, make_config(), STATE)
    path = tmp_path / FILE_NAME
    content = torch.load(path, weights_only=True)
    del content["config"]["max_margin"]
    write_sealed(path, content)
    with pytest.raises(CheckpointError, match="max_margin is 'absent' there, but "):
        load_checkpoint(tmp_path, make_config())
    with pytest.raises(CheckpointError, match=r"without max_margin, but a checkpoint has every key; use the version"):
        read_checkpoint(path)
    content["config"] |= {"max_margin": make_config().max_margin, "gone_since": 1}
    write_sealed(path, content)
    with pytest.raises(CheckpointError, match="gone_since is 1 there, but 'absent' here"):
        load_checkpoint(tmp_path, make_config())
    with pytest.raises(CheckpointError, match="gone_since: unknown key"):
        read_checkpoint(path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=f"{FILE_NAME} does not exist"):
        load_checkpoint(tmp_path, make_config())


def test_a_storage_that_cannot_be_reached_is_no_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_checkpoint(tmp_path, make_config(), STATE)

    def stale(path: Path) -> bytes:
        raise OSError(errno.ESTALE, os.strerror(errno.ESTALE), str(path))

    with monkeypatch.context() as patched:
        patched.setattr(Path, "read_bytes", stale)
        with pytest.raises(StorageError, match=f"{FILE_NAME} cannot be read .*try again"):
            load_checkpoint(tmp_path, make_config())
    assert load_checkpoint(tmp_path, make_config())["epoch"] == 2


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
    with pytest.raises(CheckpointError, match=r"cannot be read, it is damaged .*its checksum is wrong or missing"):
        load_checkpoint(tmp_path, make_config())


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


@pytest.mark.parametrize(
    ("content", "found"),
    [({"epoch": 1}, None), ([1, 2], None), ({"format": 99, "config": {}, "state": {}}, 99)],
)
def test_another_format_is_refused(tmp_path: Path, content: object, found: int | None) -> None:
    write_sealed(tmp_path / FILE_NAME, content)
    expected = rf"the format {found}\b.*format 1\b"
    with pytest.raises(CheckpointError, match=expected):
        load_checkpoint(tmp_path, make_config())


class Malicious:
    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.system, ("touch executed",)


def test_code_in_the_file_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_sealed(tmp_path / FILE_NAME, {"format": 1, "config": Malicious()})
    with pytest.raises(CheckpointError, match="Weights only load failed"):
        load_checkpoint(tmp_path, make_config())
    assert not Path("executed").exists()


def test_a_failed_save_keeps_the_earlier_checkpoint(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, make_config(), STATE)
    with pytest.raises(Exception, match="pickle"):
        save_checkpoint(tmp_path, make_config(), {"epoch": 3, "unsavable": lambda: None})
    assert load_checkpoint(tmp_path, make_config())["epoch"] == 2
    assert [path.name for path in tmp_path.iterdir()] == [FILE_NAME]
