"""When a driver that is left alone counts as stuck: it neither trains nor ends."""

import random
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from benchmarks.chaos import under_fire
from benchmarks.chaos.under_fire import UnderFire

_TRAINS = """
import pathlib, sys, time
for epoch in range(8):
    time.sleep(0.25)
    with open(sys.argv[1], "a") as file:
        file.write("epoch\\n")
"""
_HANGS = "import time; time.sleep(60)"


@dataclass
class Script:
    """A search whose driver is a script that writes a line for each epoch."""

    folder: Path
    text: str

    def command(self) -> Sequence[str]:
        return [sys.executable, "-c", self.text, str(self.folder)]

    def epochs_on_record(self) -> int:
        return len(self.folder.read_text().splitlines()) if self.folder.exists() else 0

    def remember(self) -> None:
        pass


@pytest.fixture(autouse=True)
def little_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(under_fire, "_PATIENCE_SECONDS", 1.0)


def test_a_search_that_trains_longer_than_the_patience_is_not_stuck(tmp_path: Path) -> None:
    attacked = UnderFire(Script(tmp_path / "search", _TRAINS), random.Random(0)).run([])
    assert (attacked.finished, attacked.stuck) == (True, [])


def test_a_driver_that_neither_trains_nor_ends_is_stuck(tmp_path: Path) -> None:
    attacked = UnderFire(Script(tmp_path / "search", _HANGS), random.Random(0)).run([])
    assert not attacked.finished
    assert len(attacked.stuck) == 3, "in each of three sessions"
