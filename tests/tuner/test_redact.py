"""URLs and texts without their secrets."""

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.redact import RedactingFormatter, has_masked_password, redact, without_password


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("sqlite:////runs/ledger.db", "sqlite:////runs/ledger.db"),
        ("postgresql://host:5432/db", "postgresql://host:5432/db"),
        ("postgresql://me@host:5432/db", "postgresql://me@host:5432/db"),
        ("postgresql+psycopg://me:pass@host:5432/db", "postgresql+psycopg://me:***@host:5432/db"),
        ("http://me:pass@host:5000", "http://me:***@host:5000"),
        ("http://host:5000/?token=pass", "http://host:5000/?token=***"),
        ("http://host:5000/?pass", "http://host:5000/?***"),
        ("postgresql://me@host/db?sslmode=require&timeout=5", "postgresql://me@host/db?sslmode=require&timeout=5"),
        ("postgresql://host/db?user=me&password=pass&sslmode=a", "postgresql://host/db?user=me&password=***&sslmode=a"),
        ("postgresql://me:pa?ss@host/db", "postgresql://me:***@host/db"),
        ("sqlite:////with@sign/mlflow.db", "sqlite:////with@sign/mlflow.db"),
    ],
)
def test_only_the_password_is_masked(url: str, shown: str) -> None:
    assert without_password(url) == shown
    assert has_masked_password(shown) == (url != shown)


@given(st.text(st.characters(codec="ascii", exclude_characters="\n"), min_size=1))
def test_no_password_is_shown(password: str) -> None:
    shown = without_password(f"postgresql://me:<{password}>@host/db")
    assert f"<{password}>" not in shown


def test_a_text_loses_its_secrets_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "tok-123456")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "five5")
    text = "http://me:word@host and postgresql://you:other@db/x said tok-123456 at 10:30, see a@b"
    assert redact(text) == "http://me:***@host and postgresql://you:***@db/x said *** at 10:30, see a@b"
    assert redact("five5 is too short to be told from a word") == "five5 is too short to be told from a word"


def test_logs_lose_secrets_in_tracebacks_too() -> None:
    record = logging.LogRecord("x", logging.WARNING, __file__, 1, "%s", ("postgresql://a:b@c",), None)
    error = ConnectionError("http://me:word@host does not answer")
    record.exc_info = (ConnectionError, error, None)
    shown = RedactingFormatter().format(record)
    assert "postgresql://a:***@c" in shown
    assert "ConnectionError: http://me:***@host does not answer" in shown
