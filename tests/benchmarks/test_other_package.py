"""A search in a process of its own, which may go on with a trial that it has stopped."""

import sys
from collections.abc import Iterator

import numpy as np
import pytest

from benchmarks.search_quality.methods import METHODS
from benchmarks.search_quality.other_package import OtherPackage
from benchmarks.search_quality.scale import scale_of
from benchmarks.search_quality.simulate import simulate
from benchmarks.search_quality.tasks import Parameters, Task, steady, trade_off
from tuner.pareto.objectives import FloatArray


def curve(point: Parameters) -> FloatArray:
    losses: FloatArray = np.outer(np.arange(9, 0, -1), [1.0, 2.0]) + point["x0"]
    return losses


TASK = Task("line", {"x0": {"type": "float", "low": 0.0, "high": 1.0}}, 9, 3, curve, steady)


@pytest.fixture
def pausing() -> Iterator[OtherPackage]:
    search = OtherPackage("tests.benchmarks.pausing_search", sys.executable, TASK, 7)
    yield search
    search.close()


def test_the_task_and_the_seed_arrive(pausing: OtherPackage) -> None:
    assert pausing.next() == (0, {"x0": 0.0, "x1": 0.07})


def test_a_stopped_trial_goes_on_from_its_last_epoch(pausing: OtherPackage) -> None:
    """So that no epoch is paid for twice: 9, 3 + 6, 9, 3 + 6."""
    trainings = simulate(TASK, pausing, workers=1, max_epochs=36)
    assert [training.spent for training in trainings] == [9, 12, 18, 27, 30, 36]
    assert [training.full for training in trainings] == [True, False, True, True, False, True]
    assert trainings[1].losses == (7 + 0.01, 14 + 0.01)


def test_a_search_that_ends_says_why() -> None:
    search = OtherPackage("tests.benchmarks.no_such_search", sys.executable, TASK, 0)
    with pytest.raises(RuntimeError, match="No module named"):
        search.next()
    search.close()


def test_ax_proposes_points_of_the_space() -> None:
    pytest.importorskip("ax", reason="needs pip install -e '.[competitors]'")
    task = trade_off()
    search = METHODS["Ax, full trainings"](task, scale_of(task), 0)
    found = [search.next() for _ in range(2)]
    assert [each[0] for each in found if each] == [0, 1]
    for each in found:
        assert each is not None
        assert task.curve(each[1]).shape == (task.epochs, 2)
    assert isinstance(search, OtherPackage)
    search.close()
