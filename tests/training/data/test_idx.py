from pathlib import Path

import numpy as np
import pytest
import torch
from image_files import random_pixels, write_idx
from raises_about import raises_about

from training.data import DataError
from training.data.idx import find_idx, read_idx


@pytest.mark.parametrize("name", ["array", "array.gz"])
@pytest.mark.parametrize("shape", [(7,), (3, 4, 5)])
def test_what_was_written_is_read(tmp_path: Path, name: str, shape: tuple[int, ...]) -> None:
    array = random_pixels(np.random.default_rng(0), *shape)
    write_idx(tmp_path / name, array)
    assert torch.equal(read_idx(tmp_path / name, len(shape)), torch.from_numpy(array))


@pytest.mark.parametrize("name", ["array", "array.gz"])
def test_a_file_cut_short_is_refused_wherever_it_ends(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    write_idx(path, np.arange(12, dtype=np.uint8).reshape(2, 3, 2))
    content = path.read_bytes()
    for length in range(len(content)):
        path.write_bytes(content[:length])
        with raises_about(DataError, path):
            read_idx(path, 3)


def test_another_type_or_dimension_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "array"
    write_idx(path, np.zeros((2, 3), dtype=np.uint8))
    with raises_about(DataError, path):
        read_idx(path, 1)
    content = bytearray(path.read_bytes())
    content[2] = 9
    path.write_bytes(content)
    with raises_about(DataError, path):
        read_idx(path, 2)


def test_the_plain_file_is_preferred(tmp_path: Path) -> None:
    assert find_idx(tmp_path, "array") is None
    write_idx(tmp_path / "array.gz", np.zeros(1, dtype=np.uint8))
    assert find_idx(tmp_path, "array") == tmp_path / "array.gz"
    write_idx(tmp_path / "array", np.zeros(1, dtype=np.uint8))
    assert find_idx(tmp_path, "array") == tmp_path / "array"
