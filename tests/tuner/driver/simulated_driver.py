"""A driver with simulated trials in place of Ray and a projection that only listens."""

from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from functools import partial
from io import StringIO
from pathlib import Path
from typing import Any

from raises_about import raises_about
from rich.console import Console
from simulated_search import drive, space_mapping, train

from training.yaml_text import format_yaml
from tuner.confirm.presentation import SearchPresentation
from tuner.driver.drive import drive_search
from tuner.driver.environment import Environment
from tuner.driver.plan import Plan, Request, plan_new, plan_resume
from tuner.engine.cluster import require_resources
from tuner.engine.session_interface import Ending, SessionEvents, SessionOptions
from tuner.errors import UsageError
from tuner.ledger import TrialRecord
from tuner.report.analysis.front_data import FrontData
from tuner.report.front_files import front_json
from tuner.runs.folder import SearchFolder
from tuner.runs.mirror import write_whole
from tuner.search import Search
from tuner.search.forecast.rung_quality import RungQuality

Session = Callable[[Search, Path, SessionOptions, SessionEvents], Ending]


class FakeProjection:
    """Takes the place of MLflow."""

    view_link: str | None = None

    def __init__(self) -> None:
        self.trials: Sequence[TrialRecord] = []
        self.statuses: list[str] = []

    def write(self, trials: Sequence[TrialRecord], front: FrontData, rest: Callable[[], None] = lambda: None) -> None:
        del front, rest
        self.trials = trials

    def write_rungs(self, rungs: Sequence[RungQuality]) -> None:
        """Take what the rungs say, and keep nothing."""
        del rungs

    def write_files(self, files: Sequence[Path]) -> None:
        assert all(file.is_file() for file in files)

    def close(self, status: str) -> None:
        self.statuses.append(status)


class FrontAsJson(SearchPresentation):
    """Writes one of the files of a front: the pictures take a second."""

    def write_files(self, folder: Path, data: FrontData) -> list[Path]:
        return [write_whole(folder / "front.json", front_json(data).encode())]


class Driver:
    """Drives searches in this process and keeps what was printed."""

    def __init__(self, runs_dir: Path) -> None:
        self._space = runs_dir.parent / "small.yaml"
        self._space.write_text(format_yaml(space_mapping(search={"trials": 3})))
        self.runs_dir = runs_dir
        self.projection: Any = FakeProjection()
        self.text = ""
        self.environment = Environment(
            connect=lambda *_: None,
            disconnect=lambda: None,
            require_resources=partial(require_resources, nodes=lambda: [{"CPU": 2}]),
            projection_of=lambda *_: self.projection,
            presentation_of=lambda _: FrontAsJson(),
        )

    def run(self, session: Session, resume: str | None = None, **options: Any) -> int:
        """Plan and drive a search whose session is `session`; options of the environment replace its own."""
        collaborators = {field.name for field in fields(Environment)}
        changes = {name: options.pop(name) for name in collaborators & options.keys()}
        request = self.request(**options) if resume is None else Request(runs_dir=self.runs_dir, **options)
        plan = plan_new(request) if resume is None else plan_resume(request, resume)
        return self.drive(plan, request, session, **changes)

    def request(self, **flags: Any) -> Request:
        """Return the request for a new search."""
        return Request(space=str(self._space), runs_dir=self.runs_dir, **flags)

    def drive(self, plan: Plan, request: Request, session: Session, **changes: Any) -> int:
        """Drive a planned search."""
        screen = StringIO()
        environment = replace(self.environment, run_session=session, **changes)
        code, _ = drive_search(plan, request, Console(file=screen, width=200), environment)
        self.text = screen.getvalue()
        return code

    def folder(self, name: str = "small-1") -> SearchFolder:
        """Return the folder of a search."""
        return SearchFolder(self.runs_dir / name)

    def trials(self, name: str = "small-1") -> list[TrialRecord]:
        """Read what is on record."""
        with self.folder(name).ledger() as ledger:
            return ledger.load()


def to_the_end(search: Search, folder: Path, options: SessionOptions, events: SessionEvents) -> Ending:
    del folder, options, events
    drive(search)
    return Ending.FINISHED


def interrupted(search: Search, folder: Path, options: SessionOptions, events: SessionEvents) -> Ending:
    del folder, options, events
    first = search.next_assignment()
    assert first is not None
    train(search, first)
    search.next_assignment()
    return Ending.INTERRUPTED


def refused(driver: Driver, subject: object, **flags: Any) -> str:
    """Check that a search is refused before its session, by an error about `subject`; return the error's message."""

    def no_session(*arguments: object) -> Ending:
        raise AssertionError(arguments)

    with raises_about(UsageError, subject) as caught:
        driver.run(no_session, **flags)
    return str(caught.value)
