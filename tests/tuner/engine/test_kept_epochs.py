"""With `candidates: every_evaluation` every epoch that may be a point of the front has its weights on disk, always.

A stand-in for the trainer reports curves that are drawn, and its process is killed at drawn moments.
"""

import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ray import tune
from ray_stand_ins import trial_task
from simulated_search import KilledError, small_space

from tuner.engine import trainable
from tuner.engine.checkpoints import CheckpointSweeper
from tuner.engine.trial_task import KeptEpochs, TrialTask
from tuner.ledger import Decision, MemoryLedger, Outcome, TrialRecord, trial_name
from tuner.report.analysis.kept_checkpoints import kept_checkpoints
from tuner.search import Search
from tuner.space import Space

EPOCHS = 9
SPACE = small_space(
    search={"trials": 1, "candidates": "every_evaluation"},
    early_stopping={"scheduler": "none"},
    constraints={"seconds": {"at_most": 2.0}},
)
FILE = "checkpoint.pt"
# Few values, so that epochs are often equal, dominated or beyond the constraint.
SHARE = st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0])
METRICS = st.fixed_dictionaries(
    {"natural_accuracy": SHARE, "pgd_accuracy": SHARE, "seconds": st.sampled_from([1.0, 2.0, 3.0])}
)
CURVES = st.lists(METRICS, min_size=EPOCHS, max_size=EPOCHS)
# How many steps (savings, reports, removals) each process lives.
LIVES = st.lists(st.integers(1, 12), max_size=6)


class Process:
    """What the worker's process can be killed at."""

    def __init__(self, life: int | None) -> None:
        self._left = life

    def step(self) -> None:
        """Live one step longer, or die."""
        if self._left is not None:
            self._left -= 1
            if self._left < 0:
                raise KilledError


class Trainer:
    """Stands in for the trainer: it has trained when it says so, and its checkpoint is the number of the epoch."""

    epochs = EPOCHS
    start = None
    fallbacks: tuple[str, ...] = ()

    def __init__(self, curve: list[dict[str, float]], process: Process) -> None:
        self.epoch = 0
        self._curve, self._process = curve, process

    @property
    def history(self) -> list[dict[str, float]]:
        return self._curve[: self.epoch]

    def run(self, report: Callable[[int, Mapping[str, float], Callable[[Path], None]], None]) -> None:
        while self.epoch < self.epochs:
            self.epoch += 1
            report(self.epoch, self.history[-1], self.save)

    def save(self, folder: Path) -> None:
        self._process.step()
        (folder / FILE).write_text(str(self.epoch))

    def restore(self, folder: Path) -> None:
        self.epoch = int((folder / FILE).read_text())


class Session:
    """Stands in for Ray Tune: stores checkpoints in the folder of the session, and passes reports to the search."""

    def __init__(self, search: Search, folder: Path, name: str, process: Process) -> None:
        self._search, self._folder, self._process = search, folder, process
        self._place = f"ray/{name}/{trial_name(0)}"
        self._count = 0
        self._newest: tune.Checkpoint | None = None

    def report(self, metrics: dict[str, Any], *, checkpoint: Any = None) -> None:
        self._process.step()
        place = f"{self._place}/checkpoint_{self._count:06d}"
        shutil.copytree(checkpoint.path, self._folder / place)
        self._count += 1
        self._process.step()
        decision = self._search.report(0, metrics["epoch"], metrics["metrics"], place)
        self._newest = tune.Checkpoint(str(self._folder / place))
        if decision is not Decision.CONTINUE:
            raise EndedError
        self._process.step()

    def get_checkpoint(self) -> tune.Checkpoint | None:
        return self._newest


class EndedError(Exception):
    """The driver wants no further epoch: Ray ends the worker inside its report."""


def task_of(search: Search, folder: Path, space: Space) -> TrialTask | None:
    assignment = search.next_assignment()
    if assignment is None:
        return None
    kept = KeptEpochs(space.objective_list, space.constraint_list) if space.every_epoch else None
    return trial_task(checkpoints=tuple(f"{folder}/{place}" for place in assignment.checkpoints), kept=kept)


def on_disk(folder: Path) -> dict[str, int]:
    """Return the epoch in each checkpoint, by its place."""
    found = folder.glob(f"ray/*/*/checkpoint_*/{FILE}")
    return {str(path.parent.relative_to(folder)): int(path.read_text()) for path in found}


def require_weights(trial: TrialRecord, folder: Path) -> None:
    """Each epoch on record that may be a point has its own weights."""
    stored, needed = on_disk(folder), kept_checkpoints(trial, SPACE)
    for report in trial.reports:
        if report.checkpoint in needed:
            assert stored.get(report.checkpoint) == report.epoch


def run(curve: list[dict[str, float]], lives: list[int], folder: Path, check: Callable[[TrialRecord], None]) -> Search:
    """Run one trial whose process is killed after each of `lives`, as a driver that is resumed each time."""
    ledger = MemoryLedger()
    for number, life in enumerate([*lives, None]):
        search = Search(SPACE, ledger)
        search.listeners.append(CheckpointSweeper(folder, SPACE))
        process = Process(life)
        task = task_of(search, folder, SPACE)
        if task is None:
            break
        session = Session(search, folder, f"session-{number + 1}", process)
        with pytest.raises((KilledError, EndedError)):
            trainable._train(Trainer(curve, process), task, session)  # type: ignore[arg-type]
        check(search.trials[0])
    return search


@given(CURVES, LIVES)
@settings(max_examples=60)
def test_every_point_has_its_weights_whenever_the_process_is_killed(
    curve: list[dict[str, float]], lives: list[int]
) -> None:
    with tempfile.TemporaryDirectory() as place, pytest.MonkeyPatch.context() as patch:
        folder = Path(place)
        patch.chdir(folder)
        search = run(curve, lives, folder, lambda trial: require_weights(trial, folder))
        (trial,) = search.trials
        assert trial.outcome is Outcome.COMPLETED
        assert [report.metrics for report in trial.reports] == curve
        assert set(on_disk(folder)) == kept_checkpoints(trial, SPACE)


def test_while_it_runs_a_trial_keeps_its_points_and_the_two_newest(tmp_path: Path, monkeypatch: Any) -> None:
    shares = [
        (0.9, 0.1),
        (0.5, 0.5),
        (0.4, 0.4),
        (0.3, 0.6),
        (0.2, 0.2),
        (0.1, 0.1),
        (0.6, 0.6),
        (0.1, 0.2),
        (0.2, 0.1),
    ]
    curve = [{"natural_accuracy": n, "pgd_accuracy": p, "seconds": 1.0} for n, p in shares]
    monkeypatch.chdir(tmp_path)
    seen: list[list[int]] = []

    class Watching(Process):
        def step(self) -> None:
            seen.append(sorted(on_disk(tmp_path).values()))

    search = Search(SPACE, MemoryLedger())
    task = task_of(search, tmp_path, SPACE)
    assert task is not None
    process = Watching(None)
    with pytest.raises(EndedError):
        trainable._train(Trainer(curve, process), task, Session(search, tmp_path, "session-1", process))  # type: ignore[arg-type]
    # What is there when the weights of each epoch are saved: the first of the four steps of an epoch.
    assert seen[::4] == [[], [1], [1, 2], [1, 2, 3], [1, 2, 3, 4], [1, 2, 4, 5], [1, 2, 4, 5, 6], [1, 6, 7], [1, 7, 8]]
