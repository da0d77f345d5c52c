"""Ten thousand wrong inputs of each kind. The answer is a result, or an error that explains itself."""

import copy
import io
import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from simulated_search import SEARCH, MakeLedger, drive, small_space, space_mapping

from training.config import TRIAL_KEYS
from training.data.image_folder import _scan, open_folder
from training.explained_error import ExplainedError
from tuner.ledger import SqlLedger
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
    st.sampled_from(sorted(TRIAL_KEYS)),
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


@pytest.fixture
def ledger(make_ledger: MakeLedger) -> SqlLedger:
    """A finished search."""
    space = small_space(search={"trials": 4})
    ledger = make_ledger(space)
    drive(Search(space, ledger))
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
    ledger.facts()
    ledger.foreign()
    ledger.enqueued()
    for trial in ledger.load():
        list(trial.reports)


def read_anew(url: str) -> None:
    with SqlLedger.open(url, SEARCH) as ledger:
        read(ledger)


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
