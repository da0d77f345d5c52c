"""The publishing thread: it never raises, warns once, and writes later what it could not write."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import pytest
from simulated_search import SEARCH, MakeLedger, drive, small_space, train

from tuner.confirm.presentation import SearchPresentation
from tuner.driver.publisher import Pace, Publisher
from tuner.ledger import TrialRecord
from tuner.report.analysis.front_data import FrontData
from tuner.search import Search
from tuner.search.forecast.rung_quality import RungQuality

SPACE = small_space(search={"trials": 4})
PATIENCE_SECONDS = 20


@dataclass
class FakeProjection:
    """Notes what it is told, and fails as long as `broken` is set."""

    broken: bool = False
    read_only: bool = False
    written: list[int] = field(default_factory=list)
    files: list[list[str]] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)
    calls: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    filed: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))

    def write(self, trials: Sequence[TrialRecord], front: FrontData, rest: Callable[[], None] = lambda: None) -> None:
        for _ in trials:
            rest()
        self.calls.release()
        if self.broken:
            raise ConnectionError("MLflow is away\nwith details")
        self.written.append(len(front.points) and len(trials))

    def write_rungs(self, rungs: Sequence[RungQuality]) -> None:
        """Take what the rungs say, and keep nothing."""
        del rungs

    def write_files(self, files: Sequence[Path]) -> None:
        if self.read_only:
            raise PermissionError(13, "Permission denied", "/artifacts")
        self.files.append([path.name for path in files])
        self.filed.release()

    def close(self, status: str) -> None:
        self.closed.append(status)

    def wait_for_a_call(self) -> None:
        """Take one call that nobody waited for yet, so that none is missed."""
        assert self.calls.acquire(timeout=PATIENCE_SECONDS)

    def wait_for_files(self, times: int) -> None:
        """Take this many times that files were written and nobody waited for it yet."""
        for _ in range(times):
            assert self.filed.acquire(timeout=PATIENCE_SECONDS)


QUICK = Pace(interval_seconds=0.005, longest_pause_seconds=0.02)


class OneFile(SearchPresentation):
    """Results whose file costs nothing to draw."""

    def write_files(self, folder: Path, data: FrontData) -> list[Path]:
        del data
        return [folder / "front.csv"]


class FullDisk(SearchPresentation):
    """Results that find no space on the disk."""

    def write_files(self, folder: Path, data: FrontData) -> list[Path]:
        del data
        raise OSError(28, "No space left on device", str(folder))


class MakePublisher(Protocol):
    """The fixture `make_publisher`: makes a publisher and its search."""

    def __call__(self, projection: FakeProjection, pace: Pace = QUICK, **options: Any) -> tuple[Publisher, Search]: ...


@pytest.fixture
def make_publisher(make_ledger: MakeLedger, runs_dir: Path) -> MakePublisher:
    def make(projection: FakeProjection, pace: Pace = QUICK, **options: Any) -> tuple[Publisher, Search]:
        search = Search(SPACE, make_ledger(SPACE))
        anything: Any = projection
        options = {"presentation": OneFile(), **options}
        publisher = Publisher(SPACE, runs_dir / SEARCH, anything, lambda: search.trials, pace=pace, **options)
        search.listeners.append(publisher)
        return publisher, search

    return make


def test_the_state_is_published_while_the_search_runs_and_at_its_end(make_publisher: MakePublisher) -> None:
    projection = FakeProjection()
    publisher, search = make_publisher(projection)
    publisher.start()
    projection.wait_for_a_call()
    drive(search)
    projection.wait_for_a_call()
    publisher.close("FINISHED")
    assert projection.written[-1] == 4
    assert projection.files[-1] == ["space.yaml", "front.csv"]
    assert projection.closed == ["FINISHED"]
    assert publisher._thread.is_alive() is False


def test_the_files_follow_trials_that_have_not_completed(make_publisher: MakePublisher) -> None:
    """A search whose trials only stop, or train for hours, has a page that shows them."""
    projection = FakeProjection()
    pace = replace(QUICK, files_interval_seconds=0.0, files_share=float("inf"))
    publisher, search = make_publisher(projection, pace)
    assignment = search.next_assignment()
    assert assignment
    publisher.start()
    projection.wait_for_a_call()
    projection.wait_for_files(1)
    search.report(assignment.number, 1, {"natural_accuracy": 0.5, "pgd_accuracy": 0.2}, None)
    projection.wait_for_files(1)
    search.fail(assignment.number, "it crashed")
    projection.wait_for_files(1)
    publisher.close("KILLED")


def test_files_that_are_not_due_yet_are_written_later_though_nothing_more_happens(
    make_publisher: MakePublisher,
) -> None:
    projection = FakeProjection()
    publisher, search = make_publisher(projection, replace(QUICK, files_interval_seconds=0.2))
    publisher.start()
    projection.wait_for_files(1)
    search.next_assignment()
    projection.wait_for_files(1)
    publisher.close("KILLED")


class Rests(threading.Event):
    """Notes how long it is waited for, and ends each wait at once."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float | None] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.seconds.append(timeout)
        return True


def test_writing_rests_in_proportion_to_what_it_computed_and_not_at_the_end(make_publisher: MakePublisher) -> None:
    rests = Rests()
    clock = iter([0.0, 0.1, 0.3, 0.3, 0.4])
    publisher, _ = make_publisher(FakeProjection(), processor_clock=lambda: next(clock), closing=rests)
    publisher._computed = next(clock)
    for _ in range(3):
        publisher._rest()
    assert rests.seconds == [pytest.approx(0.3 * 4)], "a fifth of the time, in turns of a quarter of a second"


def test_without_news_nothing_is_written(make_publisher: MakePublisher) -> None:
    projection = FakeProjection()
    publisher, _ = make_publisher(projection)
    publisher.start()
    projection.wait_for_a_call()
    assert not projection.calls.acquire(timeout=0.1)
    publisher.close("KILLED")
    assert len(projection.written) == 2, "the first round and the last"


def test_a_failing_projection_is_tried_again_with_one_warning(
    make_publisher: MakePublisher, caplog: pytest.LogCaptureFixture
) -> None:
    projection = FakeProjection(broken=True)
    publisher, search = make_publisher(projection)
    publisher.start()
    drive(search)
    for _ in range(4):
        projection.wait_for_a_call()
    assert projection.written == []
    projection.broken = False
    projection.wait_for_a_call()
    publisher.close("FINISHED")
    assert projection.written[-1] == 4
    assert projection.closed == ["FINISHED"]
    (warning,) = caplog.messages
    assert all(fact in warning for fact in ("ConnectionError", "MLflow is away", "`tuner sync small-1 --runs-dir "))


def test_each_new_failure_is_told(make_publisher: MakePublisher, caplog: pytest.LogCaptureFixture) -> None:
    projection = FakeProjection(broken=True)
    publisher, search = make_publisher(projection)
    publisher.start()
    projection.wait_for_a_call()
    projection.broken = False
    projection.wait_for_a_call()
    search.next_assignment()
    projection.wait_for_a_call()
    projection.broken = True
    publisher.close("KILLED")
    assert len(caplog.messages) == 2
    assert projection.closed == []


def test_files_that_cannot_be_written_stop_nothing(
    make_publisher: MakePublisher, caplog: pytest.LogCaptureFixture
) -> None:
    projection = FakeProjection()
    publisher, search = make_publisher(projection, presentation=FullDisk())
    drive(search)
    publisher.start()
    assert not publisher.close("FINISHED")
    (warning,) = caplog.messages
    assert "No space left on device" in warning
    assert projection.written[-1] == 4
    assert projection.closed == ["FINISHED"]


def test_artifacts_that_cannot_be_written_leave_no_run_open(
    make_publisher: MakePublisher, caplog: pytest.LogCaptureFixture
) -> None:
    projection = FakeProjection(read_only=True)
    publisher, search = make_publisher(projection, replace(QUICK, files_interval_seconds=0.0))
    publisher.start()
    for _ in range(4):
        assignment = search.next_assignment()
        assert assignment is not None
        train(search, assignment)
        projection.wait_for_a_call()
    assert not publisher.close("FINISHED")
    (warning,) = caplog.messages
    assert PermissionError.__name__ in warning
    assert projection.closed == ["FINISHED"]
