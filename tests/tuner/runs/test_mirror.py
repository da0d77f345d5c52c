"""Runs folders in object storage: the copy on this machine, what is sent back, and what is refused."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from raises_about import raises_about
from s3_server import BUCKET, s3_server
from simulated_search import frozen_facts, small_space
from typed_commands import Tuner

from tuner.errors import UsageError
from tuner.runs.find import all_searches, find_search
from tuner.runs.folder import SearchFolder
from tuner.runs.lock import driver_lock, is_driven
from tuner.runs.mirror import (
    download,
    file_system,
    names_in,
    open_runs,
    place_of,
    upload,
    url_of,
    working_folder,
)
from tuner.tracking.store import artifact_folder

_numbers = count()


@pytest.fixture(scope="module")
def server() -> Iterator[dict[str, str]]:
    with s3_server() as environment:
        yield environment


@pytest.fixture
def url(server: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> str:
    """An empty place of a test's own."""
    for key, value in server.items():
        monkeypatch.setenv(key, value)
    return f"s3://{BUCKET}/{next(_numbers)}"


def stored(url: str) -> bytes:
    system, path = file_system(url)
    with system.open_input_stream(path) as stream:
        content: bytes = stream.read()
        return content


def test_a_local_folder_is_its_own_copy(tmp_path: Path) -> None:
    assert open_runs(tmp_path) == open_runs(str(tmp_path)) == tmp_path
    assert open_runs(tmp_path / "new" / "runs") == tmp_path / "new" / "runs"
    assert url_of(tmp_path) is None
    assert place_of(tmp_path) == str(tmp_path)
    (tmp_path / "file").write_text("kept")
    upload(tmp_path / "file")
    assert download(tmp_path / "file").read_text() == "kept"
    assert names_in(tmp_path) == ["file"]
    assert names_in(tmp_path / "missing") == []
    with working_folder(f"{tmp_path}/work") as folder:
        assert folder == tmp_path / "work"


def test_a_file_is_no_runs_folder_and_has_none_below(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    for path in (file, file / "runs"):
        with raises_about(UsageError, path):
            open_runs(path)


def test_a_runs_folder_below_one_without_rights_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def exists(path: Path) -> bool:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "exists", exists)
    with raises_about(UsageError, tmp_path):
        open_runs(tmp_path)


def test_a_search_is_found_by_its_frozen_space(url: str) -> None:
    runs = open_runs(f"{url}/")
    assert all_searches(runs) == []
    folder = SearchFolder(runs / "one")
    folder.path.mkdir()
    folder.freeze(small_space(), frozen_facts(search_id="one-1"))
    assert stored(f"{url}/one/space.yaml") == folder.space_file.read_bytes()
    folder.space_file.unlink()
    download(folder.space_file)
    assert folder.space() == small_space()
    assert place_of(folder.path) == f"{url}/one"
    assert names_in(runs) == ["one"]


def test_a_folder_is_brought_whole_with_its_subfolders(url: str) -> None:
    contents = {"weights.pt": bytes(range(256)) * 20_000, "ray/session-1/state.json": b"{}", "empty": b""}
    folder = open_runs(url) / "one"
    for name, content in contents.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
        upload(folder / name)
        (folder / name).unlink()
    download(folder)
    assert {name: (folder / name).read_bytes() for name in contents} == contents
    download(folder / "missing")
    assert not (folder / "missing").exists()


def test_what_is_not_there_is_not_sent(url: str) -> None:
    runs = open_runs(url)
    with raises_about(UsageError, f"{url}/missing"):
        upload(runs / "missing")
    assert names_in(runs) == []


def test_a_process_sees_the_searches_of_others(url: str, tuner: Tuner) -> None:
    with working_folder(f"{url}/one") as folder:  # nothing of it is mirrored in this process
        facts = frozen_facts(search_id="one-1", ledger="postgresql://tuner:***@host/db")
        SearchFolder(folder).freeze(small_space(), facts)
    listed = tuner("list", "--runs-dir", url)
    assert listed.code == 0
    assert all(fact in listed.out for fact in ("one", "--ledger", "TUNER_LEDGER"))
    with raises_about(UsageError, "two") as missing:
        find_search(open_runs(url), "two")
    assert url in str(missing.value)


def test_databases_and_locks_have_to_be_elsewhere(url: str) -> None:
    folder = SearchFolder(open_runs(url) / "one")
    with raises_about(UsageError, "--tracking-uri"):
        folder.tracking_uri()
    with raises_about(UsageError, "--ledger"):
        folder.ledger_url()
    with raises_about(UsageError, "--ledger") as caught, driver_lock(folder.path, "sqlite://"):
        pass
    assert "sqlite://" in str(caught.value)
    assert not is_driven(folder.path, "sqlite://")


def test_a_dry_run_names_the_places_in_the_storage(url: str, tuner: Tuner) -> None:
    places = ["--runs-dir", url, "--ledger", "postgresql://u:secret@host/db", "--tracking-uri", "http://host"]
    planned = tuner("run", "--space", "digits_tradeoff", "--dry-run", *places)
    assert planned.code == 0, planned.err
    form = dict(line.split(": ", 1) for line in planned.out.splitlines() if ": " in line)
    assert form["Files"].strip() == f"{url}/digits_tradeoff-1"
    assert "secret" not in planned.out
    assert artifact_folder("postgresql://host/db", open_runs(url)) == f"{url}/mlartifacts"


def test_work_that_breaks_off_is_sent_back_and_goes_on(url: str) -> None:
    place = f"{url}/one/evaluations/trial-0000"

    def break_off() -> None:
        with working_folder(place) as folder:
            (folder / "state.json").write_text("half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        break_off()
    with working_folder(place) as folder:
        assert (folder / "state.json").read_text() == "half"


def test_a_storage_out_of_reach_is_named_with_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    for url in ("s3://nowhere/runs", "gopher://nowhere"):
        with raises_about(UsageError, url) as caught:
            open_runs(url)
        assert all(way in str(caught.value) for way in ("--runs-dir", "AWS_ENDPOINT_URL"))
