"""`tuner list`."""

import json
from pathlib import Path

import pytest
from finished_search import SPACE
from simulated_search import SEARCH, MakeLedger
from typed_commands import Tuner

from tuner.driver.plan import Request, plan_resume
from tuner.ledger import SqlLedger
from tuner.report.analysis.front_data import front_data
from tuner.runs.folder import SearchFolder
from tuner.runs.lock import only_driver
from tuner.search import Search


def test_an_empty_folder_lists_no_searches(tuner: Tuner, runs_dir: Path) -> None:
    answer = tuner("list")
    assert answer.code == 0
    assert all(fact in answer.out for fact in (str(runs_dir), "python -m tuner.run --space digits_tradeoff"))
    assert tuner("list", "--format", "json") == (0, "[]\n", "")
    assert tuner("list", "--format", "csv").code == 0
    assert not runs_dir.exists()


def test_searches_are_listed(tuner: Tuner, finished: SqlLedger, make_ledger: MakeLedger, runs_dir: Path) -> None:
    Search(SPACE, make_ledger(SPACE, "begun")).next_assignment()
    make_ledger(SPACE, "lost").close()
    (runs_dir / "lost" / "ledger.db").unlink()
    rows = {row["search"]: row for row in json.loads(tuner("list", "--format", "json").out)}
    data = front_data(SEARCH, finished.load(), SPACE.objective_list, SPACE.reference)
    assert rows[SEARCH] == {
        "search": SEARCH,
        "space": "small",
        "created": "2026-01-02T03:04:05+00:00",
        "state": "finished",
        "ended": 5,
        "trials": 5,
        "front": len(data.front),
        "hypervolume": data.hypervolume,
    }
    assert (rows["begun"]["state"], rows["begun"]["ended"]) == ("interrupted", 0)
    assert rows["lost"]["state"].startswith("unreadable: ")
    assert "lost/ledger.db" in rows["lost"]["state"]
    table = tuner("list").out
    assert all(name in table for name in (SEARCH, "begun", "lost"))
    with only_driver(runs_dir / "begun"):
        rows = {row["search"]: row for row in json.loads(tuner("list", "--format", "json").out)}
        assert rows["begun"]["state"] == "running"


def test_a_space_of_another_release_hides_no_other_search(
    tuner: Tuner, finished: SqlLedger, make_ledger: MakeLedger
) -> None:
    make_ledger(SPACE, "later").set_facts({"space": {"name": "small", "novelty": 1}})
    rows = {row["search"]: row["state"] for row in json.loads(tuner("list", "--format", "json").out)}
    assert rows[SEARCH] == "finished"
    assert rows["later"].startswith("unreadable: ")
    assert "later" in rows["later"].removeprefix("unreadable: ")
    for command in ("show later", "front later", "run --resume later"):
        answer = tuner(*command.split())
        assert answer.code == 2
        assert "later" in answer.err
    assert finished.load()


def test_searches_in_a_shared_ledger_are_listed_beside_those_with_their_own(
    tuner: Tuner, finished: SqlLedger, make_ledger: MakeLedger, runs_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = make_ledger(SPACE, "shared")
    folder = SearchFolder(runs_dir / "shared")
    own.close()
    url = f"sqlite:///{(folder.path / 'ledger.db').rename(runs_dir / 'server.db')}"
    folder.freeze(SPACE, {**folder.frozen(), "ledger": "postgresql://me:***@host/db"})
    monkeypatch.setenv("TUNER_LEDGER", url)
    states = {row["search"]: row["state"] for row in json.loads(tuner("list", "--format", "json").out)}
    assert states == {SEARCH: "finished", "shared": "not started"}
    assert plan_resume(Request(runs_dir=runs_dir, ledger=url), "").folder == folder
    assert finished.load()


def test_a_folder_whose_name_is_not_utf_8_hides_no_other(
    tuner: Tuner, finished: SqlLedger, make_ledger: MakeLedger, runs_dir: Path
) -> None:
    make_ledger(SPACE, "cafe").close()
    (runs_dir / "cafe").rename(runs_dir / "caf\udce9")
    states = {row["search"]: row["state"] for row in json.loads(tuner("list", "--format", "json").out)}
    assert states[SEARCH] == "finished"
    assert states["caf\udce9"].startswith("unreadable: ")
    table = tuner("list")
    assert (table.code, "caf\\udce9" in table.out) == (0, True)
    for command in ("show", "front", "adopt"):
        assert tuner(command, "caf\udce9").code == 2
    assert finished.load()


@pytest.mark.parametrize("flag", ["--runs-dir", "--data-root", "--ledger", "--tracking-uri"])
def test_a_path_that_is_not_utf_8_is_refused_before_anything_is_written(
    tuner: Tuner, tmp_path: Path, flag: str
) -> None:
    place = f"{'sqlite:///' if flag in {'--ledger', '--tracking-uri'} else ''}{tmp_path}/caf\udce9"
    answer = tuner("run", "--space", "digits_tradeoff", "--dry-run", flag, place)
    assert (answer.code, answer.out) == (2, "")
    assert "caf\\udce9" in answer.err
    assert len(answer.err.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_search_hides_no_other_from_the_list(tuner: Tuner, finished: SqlLedger, runs_dir: Path) -> None:
    (runs_dir / "damaged").mkdir()
    for damage in (b"a: [", "name: café".encode("latin-1"), b"a: \x00"):
        (runs_dir / "damaged" / "space.yaml").write_bytes(damage)
        answer = tuner("list", "--format", "json")
        assert answer.code == 0
        states = {row["search"]: row["state"] for row in json.loads(answer.out)}
        assert states[SEARCH] == "finished"
        assert states["damaged"].startswith("unreadable: ")
        misspelt = tuner("show", SEARCH[:-1])
        assert (misspelt.code, f"did you mean {SEARCH}" in misspelt.err) == (2, True)
        assert tuner("run", "--resume", SEARCH, "--trials", "30", "--dry-run").code == 0
    assert finished.load()
