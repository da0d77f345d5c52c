"""MLflow that does not answer: the search goes on without it, and what is missing is written later."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from simulated_search import MakeLedger, drive, small_space

from tuner.confirm.presentation import SearchPresentation
from tuner.driver.publisher import Pace, Publisher
from tuner.ledger import TrialRecord
from tuner.report.analysis.front_data import FrontData
from tuner.search import Search
from tuner.search.forecast.rung_quality import RungQuality

SPACE = small_space()
PATIENCE_SECONDS = 20


@dataclass
class HangingProjection:
    """Stands for a server that takes a call and does not answer until `answer` is set."""

    hanging: threading.Event = field(default_factory=threading.Event)
    answer: threading.Event = field(default_factory=threading.Event)
    written: int = 0

    def write(self, trials: Sequence[TrialRecord], front: FrontData, rest: Callable[[], None] = lambda: None) -> None:
        del front, rest
        self.hanging.set()
        assert self.answer.wait(PATIENCE_SECONDS)
        self.written = len(trials)

    def write_rungs(self, rungs: Sequence[RungQuality]) -> None:
        """Take what the rungs say, and keep nothing."""
        del rungs

    def write_files(self, files: Sequence[Path]) -> None:
        """Do nothing."""

    def close(self, status: str) -> None:
        """Do nothing."""


class NoFiles(SearchPresentation):
    """Results without files, which would take a second to draw."""

    def write_files(self, folder: Path, data: FrontData) -> list[Path]:
        del folder, data
        return []


def hanging(search: Search, folder: Path, pace: Pace) -> tuple[Publisher, HangingProjection]:
    """Publish a search to a server that hangs in the first call."""
    projection = HangingProjection()
    anything: Any = projection
    publisher = Publisher(SPACE, folder, anything, lambda: search.trials, presentation=NoFiles(), pace=pace)
    search.listeners.append(publisher)
    publisher.start()
    assert projection.hanging.wait(PATIENCE_SECONDS)
    return publisher, projection


def test_a_search_ends_while_one_call_to_mlflow_hangs(make_ledger: MakeLedger, tmp_path: Path) -> None:
    search = Search(SPACE, make_ledger(SPACE))
    publisher, projection = hanging(search, tmp_path, Pace(interval_seconds=0.001))
    drive(search)
    assert search.finished, "though no call was answered"
    assert projection.written == 0
    projection.answer.set()
    assert publisher.close("FINISHED")
    assert projection.written == len(search.trials)


def test_an_interrupted_search_does_not_wait_long_for_it(make_ledger: MakeLedger, tmp_path: Path) -> None:
    """A driver must end within 30 seconds, whatever MLflow does; `tuner sync` writes the rest."""
    search = Search(SPACE, make_ledger(SPACE))
    publisher, projection = hanging(search, tmp_path, Pace(interval_seconds=0.001, closing_seconds=0.05))
    assert not publisher.close("KILLED")
    assert projection.written == 0, "it still hangs"
    projection.answer.set()
