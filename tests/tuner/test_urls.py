"""Passwords in URLs are not shown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.urls import without_password


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("sqlite:////runs/ledger.db", "sqlite:////runs/ledger.db"),
        ("postgresql://host:5432/db", "postgresql://host:5432/db"),
        ("postgresql://me@host:5432/db", "postgresql://me@host:5432/db"),
        ("postgresql+psycopg://me:pass@host:5432/db", "postgresql+psycopg://me:***@host:5432/db"),
        ("http://me:pass@host:5000", "http://me:***@host:5000"),
        ("http://host:5000/?token=pass", "http://host:5000/"),
        ("sqlite:////with@sign/mlflow.db", "sqlite:////with@sign/mlflow.db"),
    ],
)
def test_only_the_password_is_masked(url: str, shown: str) -> None:
    assert without_password(url) == shown


@given(st.text(st.characters(codec="ascii", exclude_characters="\n"), min_size=1))
def test_no_password_is_shown(password: str) -> None:
    shown = without_password(f"postgresql://me:<{password}>@host/db")
    assert f"<{password}>" not in shown
