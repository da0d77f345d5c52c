import os
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import example, given
from hypothesis import strategies as st
from raises_about import raises_about

from tuner.database_url import absolute, file_of_url, is_same_database, require_file, require_written, url_of_file
from tuner.errors import UsageError

# Every name that a file may have: a byte that is not UTF-8 becomes half of a surrogate pair.
NAMES = st.binary(min_size=1, max_size=120).map(os.fsdecode).filter(lambda name: not {"/", "\0"} & set(name)) | st.text(
    st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=30
)


@given(NAMES.filter(lambda name: name not in {".", ".."}))
@example("caf\udce9")
def test_the_url_of_a_file_leads_to_it_or_is_refused(name: str) -> None:
    path = Path("/somewhere") / name / "ledger.db"
    if name == name.encode(errors="replace").decode():
        assert file_of_url(url_of_file(path)) == path.resolve()
        return
    with raises_about(UsageError, path):
        url_of_file(path)
    url = f"sqlite:///{path}"
    with raises_about(UsageError, url):
        absolute(url)


@pytest.mark.parametrize("name", ["feature%2Flogin", "per%cent", "exp?1", "a#b", "my runs", "grün", "a:b@c", "+"])
def test_a_database_is_where_its_url_says(tmp_path: Path, name: str) -> None:
    file = tmp_path / name / "x.db"
    file.parent.mkdir()
    with sa.create_engine(url_of_file(file)).begin() as connection:
        connection.execute(sa.text("CREATE TABLE t (a INTEGER)"))
    assert file.is_file()
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "sqlite+pysqlite://", "sqlite:///file:x?uri=true"])
def test_a_database_without_a_file_is_refused(url: str) -> None:
    with raises_about(UsageError, "--ledger"):
        require_file(url, "--ledger")


def test_other_databases_are_not_refused(tmp_path: Path) -> None:
    for url in (f"sqlite:///{tmp_path}/x.db", "postgresql://host/db", "http://host"):
        require_file(url, "--ledger")


def test_a_database_that_is_not_where_its_url_says_is_named(tmp_path: Path) -> None:
    url = url_of_file(tmp_path / "x.db")
    with raises_about(UsageError, url):
        require_written(url)
    (tmp_path / "x.db").touch()
    require_written(url)
    require_written("postgresql://host/db")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("sqlite:////a%3F1/x.db", "sqlite+pysqlite:////a%3F1/x.db", True),
        ("sqlite:////a/../a/x.db", "sqlite:////a/x.db?timeout=5", True),
        ("sqlite:////a/x.db", "sqlite:////a/y.db", False),
        ("sqlite:////a/x.db", "postgresql://host/db", False),
        ("postgresql://host/db", "postgresql://host/db", True),
        ("postgresql://host/db", "postgresql://host/other", False),
    ],
)
def test_two_urls_of_one_database(one: str, other: str, same: bool) -> None:
    assert is_same_database(one, other) is same


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://host/db",
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite:///file:x?uri=true",
        "http://host",
        "no url",
        "pg://host:x/db",
    ],
)
def test_other_urls_have_no_file(url: str) -> None:
    assert file_of_url(url) is None


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("sqlite:///ledger.db", "sqlite:///{here}/ledger.db"),
        ("sqlite:///../ledger.db?timeout=5", "sqlite:///{above}/ledger.db?timeout=5"),
        ("sqlite+pysqlite:///ledger.db", "sqlite+pysqlite:///{here}/ledger.db"),
        ("sqlite:////runs/ledger.db", "sqlite:////runs/ledger.db"),
        ("sqlite:///:memory:", "sqlite:///:memory:"),
        ("sqlite:///file:ledger.db?uri=true", "sqlite:///file:ledger.db?uri=true"),
        ("sqlite://", "sqlite://"),
        ("postgresql://host/db", "postgresql://host/db"),
    ],
)
def test_a_file_has_one_url_from_every_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str, expected: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert absolute(url) == expected.format(here=tmp_path, above=tmp_path.parent)
