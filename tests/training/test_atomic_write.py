"""Files that are replaced at once, or not at all."""

import os
from pathlib import Path

import pytest

from training.atomic_write import atomic_write


def test_a_file_appears_and_is_replaced_when_the_block_ends(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    for content in (b"first", b"second, longer"):
        before = path.read_bytes() if path.exists() else None
        with atomic_write(path) as file:
            file.write(content)
            file.flush()
            assert (path.read_bytes() if path.exists() else None) == before
        assert path.read_bytes() == content
    assert list(tmp_path.iterdir()) == [path]


def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    path.write_bytes(b"old")

    def fail() -> None:
        with atomic_write(path) as file:
            file.write(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_unfinished_file_can_be_read_and_is_told_by_its_ending(tmp_path: Path) -> None:
    path = tmp_path / "space.yaml"
    with atomic_write(path) as file:
        file.write(b"content")
        file.seek(0)
        assert file.read() == b"content"
        (unfinished,) = tmp_path.iterdir()
        assert unfinished.suffix == ".tmp"
        assert unfinished.name.startswith(path.name)


def test_two_writers_do_not_disturb_each_other(tmp_path: Path) -> None:
    path = tmp_path / "cache.pt"
    with atomic_write(path) as first, atomic_write(path) as second:
        first.write(b"one")
        second.write(b"two")
    assert path.read_bytes() == b"one", "the block that ends last"


@pytest.mark.parametrize("durable", [True, False])
def test_a_durable_file_is_on_the_disk_before_it_takes_its_place(durable: bool, tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pt"
    synchronised = []

    def fsync(descriptor: int) -> None:
        synchronised.append((os.fstat(descriptor).st_size, path.exists()))

    with atomic_write(path, durable=durable, fsync=fsync) as file:
        file.write(b"weights")
    assert synchronised == ([(7, False)] if durable else [])


def test_others_may_read_the_file_as_any_new_one(tmp_path: Path) -> None:
    (tmp_path / "usual").touch()
    with atomic_write(tmp_path / "space.yaml") as file:
        file.write(b"name: small")
    assert (tmp_path / "space.yaml").stat().st_mode == (tmp_path / "usual").stat().st_mode
