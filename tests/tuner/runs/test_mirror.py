"""Runs folders in object storage: the copy on this machine, what is sent back, and what is refused."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from s3_server import BUCKET, s3_server
from simulated_search import frozen_facts, small_space
from typed_commands import Tuner

from tuner.errors import UsageError
from tuner.runs.folder import SearchFolder, all_searches
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
    assert url_of(tmp_path) is None
    assert place_of(tmp_path) == str(tmp_path)
    (tmp_path / "file").write_text("kept")
    upload(tmp_path / "file")
    assert download(tmp_path / "file").read_text() == "kept"
    assert names_in(tmp_path) == ["file"]
    assert names_in(tmp_path / "missing") == []
    with working_folder(f"{tmp_path}/work") as folder:
        assert folder == tmp_path / "work"


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
    with pytest.raises(UsageError, match="missing cannot be reached"):
        upload(runs / "missing")
    assert names_in(runs) == []


def test_another_process_sees_all_searches(url: str, tuner: Tuner, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = SearchFolder(open_runs(url) / "one")
    folder.path.mkdir()
    folder.freeze(small_space(), frozen_facts(search_id="one-1", ledger="postgresql://tuner:***@host/db"))
    monkeypatch.setattr("tuner.runs.mirror._copies", {})
    listed = tuner("list", "--runs-dir", url)
    assert listed.code == 0
    assert "one" in listed.out
    assert "give it with its password as --ledger or in TUNER_LEDGER" in listed.out
    missing = tuner("show", "two", "--runs-dir", url)
    assert missing.code == 2
    assert f"There is no search named 'two' in {url}" in missing.err


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((), "which cannot hold MLflow's database: give the address of MLflow's server"),
        (("--tracking-uri", "http://host"), "which cannot hold a database: keep the ledger on a server"),
    ],
)
def test_databases_have_to_be_elsewhere(url: str, tuner: Tuner, arguments: tuple[str, ...], expected: str) -> None:
    refused = tuner("run", "--space", "digits_tradeoff", "--runs-dir", url, "--dry-run", *arguments)
    assert refused.code == 2
    assert expected in refused.err


def test_a_dry_run_names_the_places_in_the_storage(url: str, tuner: Tuner) -> None:
    places = ["--runs-dir", url, "--ledger", "postgresql://u:secret@host/db", "--tracking-uri", "http://host"]
    planned = tuner("run", "--space", "digits_tradeoff", "--dry-run", *places)
    assert planned.code == 0, planned.err
    assert f"Files:      {url}/digits_tradeoff-1\n" in planned.out
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
    with pytest.raises(UsageError, match=r"s3://nowhere/runs cannot be reached: .*AWS_ENDPOINT_URL"):
        open_runs("s3://nowhere/runs")
    with pytest.raises(UsageError, match=r"gopher://nowhere cannot be reached: .*Check --runs-dir"):
        open_runs("gopher://nowhere")
