"""Ten thousand wrong inputs of each kind. The answer is a result, or an error that explains itself."""

import copy
import io
import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import optuna
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from optuna.distributions import CategoricalDistribution
from optuna.trial import TrialState, create_trial
from PIL import Image
from simulated_search import SEARCH, MakeLedger, drive, small_space, space_mapping

from training.config import trial_keys
from training.data.image_folder import _scan, open_folder
from training.explained_error import ExplainedError
from tuner.ledger import SqlLedger
from tuner.report.load import search_on_record
from tuner.runs.folder import SearchFolder
from tuner.search import Search
from tuner.space import load_space

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

CASES = 10_000
Cell = tuple[str, str, int]  # table, column, row
# Reading them again takes a new connection, which is slow.
TABLES_READ_WHEN_OPENED = ("studies", "study_directions", "study_user_attributes", "version_info", "alembic_version")
# The same cases everywhere: a new release must not fail for a fault that was there before.
many = settings(
    max_examples=CASES, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck)
)
# A case starts a search and rebuilds it, which takes 70 ms.
fewer = settings(many, max_examples=CASES // 10)

NUMBERS = st.one_of(st.integers(-(10**30), 10**30), st.floats(), st.sampled_from([0, 1, -1, 2**63, 1e308]))
WORDS = st.one_of(
    st.text(max_size=20),
    st.sampled_from(
        ["", "8/255", "1/0", "nan", ".inf", "off", "1e400", "motpe", "cnn4", "../..", "\0", "\ud800", "é" * 300]
    ),
)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, WORDS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(WORDS, inner, max_size=3)),
    max_leaves=6,
)


def places(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the paths of all values in nested mappings and lists."""
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [path, *(place for key, value in items for place in places(value, (*path, key)))]


def changed(mapping: dict[str, Any], path: tuple[Any, ...], value: Any) -> Any:
    """Return a copy with another value at one place; at the root the value is all."""
    if not path:
        return value
    result = copy.deepcopy(mapping)
    node: Any = result
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = value
    return result


def answer(ask: Callable[[], object]) -> None:
    """Allow a result or an error with a message for the user."""
    with suppress(ExplainedError):
        ask()


MAPPING = space_mapping()
PLACES = places(MAPPING)


@many
@given(data=st.data())
def test_a_space_file_with_a_wrong_value(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    path, value = data.draw(st.sampled_from(PLACES)), data.draw(VALUES)
    file = tmp_path_factory.getbasetemp() / "wrong.yaml"
    text = json.dumps(changed(MAPPING, path, value), ensure_ascii=False)
    try:
        file.write_text(text, encoding="utf-8")
    except UnicodeEncodeError:  # no file can hold half of a surrogate pair
        return
    answer(lambda: load_space(str(file)))


@many
@given(data=st.data())
def test_a_space_file_with_wrong_bytes(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    whole = json.dumps(MAPPING, indent=1).encode()
    start = data.draw(st.integers(0, len(whole)))
    end = data.draw(st.integers(start, min(len(whole), start + 30)))
    file = tmp_path_factory.getbasetemp() / "bytes.yaml"
    file.write_bytes(whole[:start] + data.draw(st.binary(max_size=10)) + whole[end:])
    answer(lambda: load_space(str(file)))


KEYS = st.one_of(
    st.sampled_from(sorted(trial_keys())),
    st.sampled_from([".".join(map(str, place)) for place in PLACES if place]),
    WORDS,
)


@many
@given(key=KEYS, value=st.one_of(WORDS, VALUES.map(lambda value: json.dumps(value, ensure_ascii=False))))
def test_a_wrong_override(tmp_path_factory: pytest.TempPathFactory, key: str, value: str) -> None:
    file = tmp_path_factory.getbasetemp() / "right.yaml"
    if not file.exists():
        file.write_text(json.dumps(MAPPING))
    answer(lambda: load_space(str(file), [f"{key}={value}"]))


SPACE = small_space(search={"trials": 6, "sampler": "random"})


@pytest.fixture
def ledger(make_ledger: MakeLedger) -> SqlLedger:
    """A search with two trials left to propose; every reader gets this ledger, because opening one is slow."""
    ledger = make_ledger(SPACE)
    drive(Search(small_space(search={"trials": 4, "sampler": "random"}), ledger))
    return ledger


@pytest.fixture
def whole(ledger: SqlLedger) -> Iterator[sqlite3.Connection]:
    """A copy of the ledger in memory."""
    with closing(sqlite3.connect(":memory:")) as copy:
        with closing(sqlite3.connect(file_of(ledger))) as connection:
            connection.backup(copy)
        yield copy


def file_of(ledger: SqlLedger) -> str:
    return ledger.url.removeprefix("sqlite:///")


@pytest.fixture
def other(ledger: SqlLedger) -> optuna.Study:
    """The same study, as another program opens it."""
    return optuna.load_study(study_name=SEARCH, storage=ledger.url)


@pytest.fixture
def cells(ledger: SqlLedger) -> list[Cell]:
    """Every column of every row."""
    with closing(sqlite3.connect(file_of(ledger))) as connection:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return [
            (table, column[1], row)
            for table in tables
            for (row,) in connection.execute(f"SELECT rowid FROM {table}").fetchall()
            for column in connection.execute(f"PRAGMA table_info({table})").fetchall()
        ]


STORED = st.one_of(
    st.none(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(),
    st.binary(max_size=10),
    st.sampled_from(["", "RUNNING", "COMPLETE", "null", "{}", "[1", '"text"', '{"alpha": "x"}', "NaN", "2020-01-01"]),
)


@many
@given(data=st.data())
def test_a_ledger_with_a_wrong_value(
    ledger: SqlLedger, whole: sqlite3.Connection, cells: list[Cell], data: st.DataObject
) -> None:
    table, column, row = data.draw(st.sampled_from(cells))
    value = data.draw(STORED)
    with closing(sqlite3.connect(file_of(ledger))) as connection:
        whole.backup(connection)
        with suppress(sqlite3.IntegrityError):
            connection.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = {row}", (value,))
            connection.commit()
    if table in TABLES_READ_WHEN_OPENED:
        answer(lambda: read_anew(ledger.url))
    else:
        answer(lambda: read(ledger))


def read(ledger: SqlLedger) -> None:
    """Read all that commands show, and rebuild the search."""
    for trial in search_on_record(SearchFolder(Path(file_of(ledger)).parent), ledger).trials:
        list(trial.reports)
    Search(SPACE, ledger)


def go_on(ledger: SqlLedger) -> None:
    """Propose what is left of the search; a rebuilt one must be equal."""
    search = Search(SPACE, ledger)
    while search.next_assignment() is not None:
        pass
    assert known(Search(SPACE, ledger)) == known(search)


def known(search: Search) -> list[str]:
    return [repr((trial.number, trial.parameters, trial.outcome, trial.enqueued)) for trial in search.trials]


def read_anew(url: str) -> None:
    with SqlLedger.open(url, SEARCH) as ledger:
        read(ledger)


CHOICES = [None, True, 2.5, "[/]"]
NAMES = st.sampled_from([*SPACE.parameters, "gamma"])
MARKS = st.dictionaries(st.sampled_from(["started", "ended", "error", "crashes", "note"]), VALUES, max_size=3)
PARAMETERS = st.fixed_dictionaries(
    {},
    optional={
        "alpha": st.sampled_from([0.5, 1, True, "0.5"]),
        "lambda": st.floats(0.01, 10),
        "bottleneck": st.sampled_from([8, 16.0]),
        "gamma": st.sampled_from(CHOICES),
    },
)


def add(study: optuna.Study, data: st.DataObject) -> None:
    """Add a trial in any state, with parameters of the space and others."""
    parameters = data.draw(PARAMETERS)
    state = data.draw(st.sampled_from(list(TrialState)))
    ranges = SPACE.distributions() | {"gamma": CategoricalDistribution(CHOICES)}
    trial = create_trial(
        state=state,
        values=[0.9, 0.9] if state is TrialState.COMPLETE else None,
        params=parameters,
        distributions={name: ranges[name] for name in parameters},
        user_attrs=data.draw(MARKS),
        system_attrs=data.draw(st.one_of(st.just({}), st.fixed_dictionaries({"fixed_params": VALUES}))),
    )
    study.add_trial(trial)


def enqueue(study: optuna.Study, data: st.DataObject) -> None:
    """Enqueue any values, or those of a trial of the search with all its attributes."""
    if data.draw(st.booleans()):
        study.enqueue_trial(data.draw(st.dictionaries(NAMES, VALUES, max_size=3)), user_attrs=data.draw(MARKS))
    else:
        copied = study.trials[data.draw(st.integers(0, 3))]
        study.enqueue_trial(copied.params, user_attrs=copied.user_attrs)


def copy_trial(study: optuna.Study, data: st.DataObject) -> None:
    """Add a trial of the search once more."""
    study.add_trial(study.trials[data.draw(st.integers(0, 3))])


@fewer
@given(data=st.data())
def test_a_ledger_with_trials_of_another_program(
    ledger: SqlLedger, whole: sqlite3.Connection, other: optuna.Study, data: st.DataObject
) -> None:
    with closing(sqlite3.connect(file_of(ledger))) as connection:
        whole.backup(connection)
    before = ledger.load()
    for write in data.draw(st.lists(st.sampled_from([add, enqueue, copy_trial]), min_size=1, max_size=2)):
        write(other, data)
    assert ledger.load() == before
    read(ledger)
    go_on(ledger)


def image_bytes(kind: str) -> bytes:
    content = io.BytesIO()
    Image.new("RGB", (5, 4), (1, 2, 3)).save(content, format=kind)
    return content.getvalue()


IMAGES = {
    suffix: image_bytes(kind) for suffix, kind in ((".png", "PNG"), (".jpg", "JPEG"), (".gif", "GIF"), (".bmp", "BMP"))
}


@many
@given(data=st.data())
def test_a_folder_with_a_wrong_image(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    root = tmp_path_factory.getbasetemp() / "images"
    if not root.exists():
        for part in ("train", "test"):
            for name in ("ant", "bee"):
                (root / part / name).mkdir(parents=True)
                (root / part / name / "0.png").write_bytes(IMAGES[".png"])
    suffix = data.draw(st.sampled_from(sorted(IMAGES)))
    whole = IMAGES[suffix]
    start = data.draw(st.integers(0, len(whole)))
    end = data.draw(st.integers(start, min(len(whole), start + 20)))
    wrong = root / "train" / "ant" / f"1{suffix}"
    wrong.write_bytes(whole[:start] + data.draw(st.binary(max_size=8)) + whole[end:])
    _scan.cache_clear()
    try:
        answer(lambda: open_folder(root, "train").images(torch.arange(3)))
    finally:
        wrong.unlink()
