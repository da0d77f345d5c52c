import socket
from pathlib import Path
from urllib.error import URLError

import pytest
from raises_about import raises_about
from torchvision import datasets

from training.data import DataError
from training.data.download import TIMEOUT_SECONDS, download


def _write_files(root: str, *, download: bool) -> None:
    assert download
    assert socket.getdefaulttimeout() == TIMEOUT_SECONDS
    folder = Path(root, "MNIST", "raw")
    folder.mkdir(parents=True)
    (folder / "images").write_text("new")
    (folder / "labels").write_text("new")


def _fail_half_way(root: str, *, download: bool) -> None:
    _write_files(root, download=download)
    raise URLError("no route\nto host")


def _files(root: Path) -> dict[str, str]:
    return {str(path.relative_to(root)): path.read_text() for path in root.rglob("*") if path.is_file()}


def test_files_arrive_in_a_folder_that_did_not_exist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets, "MNIST", _write_files)
    download("MNIST", tmp_path / "deep" / "root")
    assert _files(tmp_path) == dict.fromkeys(("deep/root/MNIST/raw/images", "deep/root/MNIST/raw/labels"), "new")
    assert [path.name for path in tmp_path.iterdir()] == ["deep"]


def test_files_are_added_to_what_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets, "MNIST", _write_files)
    (tmp_path / "MNIST" / "raw").mkdir(parents=True)
    (tmp_path / "MNIST" / "raw" / "images").write_text("old")
    (tmp_path / "MNIST" / "raw" / "notes").write_text("mine")
    download("MNIST", tmp_path)
    assert _files(tmp_path) == {
        "MNIST/raw/images": "new",
        "MNIST/raw/labels": "new",
        "MNIST/raw/notes": "mine",
    }


def test_a_failure_leaves_nothing_behind_and_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets, "MNIST", _fail_half_way)
    before = socket.getdefaulttimeout()
    for root in (tmp_path, tmp_path / "deep" / "root"):
        with raises_about(DataError, "MNIST") as caught:
            download("MNIST", root)
        assert "no route to host" in str(caught.value)
    assert list(tmp_path.iterdir()) == []
    assert socket.getdefaulttimeout() == before


def test_a_file_where_a_folder_should_be_is_refused_before_the_download(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(datasets, "MNIST", pytest.fail)
    (tmp_path / "root").touch()
    with raises_about(DataError, "MNIST") as caught:
        download("MNIST", tmp_path / "root")
    assert isinstance(caught.value.__cause__, NotADirectoryError)
