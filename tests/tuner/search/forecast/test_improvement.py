"""Exact improvements against differences of hypervolumes, for one to six objectives."""

import moocore
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.pareto.hypervolume import hypervolume
from tuner.search.forecast.improvement import Undominated


@given(st.integers(1, 6), st.integers(0, 12), st.integers(0, 10_000))
def test_an_improvement_is_the_growth_of_the_hypervolume(objectives: int, members: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    # Few values, so that there are equal ones; some rows are beyond the reference.
    front = rng.integers(0, 8, (members, objectives)) / 6
    rows = rng.integers(-1, 9, (5, objectives)) / 6
    reference = np.ones(objectives)
    before = hypervolume(front, reference)
    grown = [hypervolume(np.vstack([front, row]), reference) - before for row in rows]
    assert Undominated(front, reference).improvements(rows) == pytest.approx(grown, abs=1e-12)


def test_it_agrees_with_a_second_library_on_a_front_of_three_objectives() -> None:
    rng = np.random.default_rng(0)
    front, rows = rng.random((30, 3)), rng.random((40, 3))
    reference = np.full(3, 0.9)
    before = moocore.hypervolume(front, ref=reference)
    grown = [moocore.hypervolume(np.vstack([front, row]), ref=reference) - before for row in rows]
    assert Undominated(front, reference).improvements(rows) == pytest.approx(grown, abs=1e-12)


@pytest.mark.parametrize("objectives", [2, 3, 4])
def test_a_large_front_is_bounded_and_its_members_add_nothing_where_they_are_kept(objectives: int) -> None:
    rng = np.random.default_rng(1)
    front = np.abs(rng.normal(size=(2000, objectives)))
    front /= -np.linalg.norm(front, axis=1, keepdims=True)
    undominated = Undominated(front, np.full(objectives, 0.1))
    assert np.median(undominated.improvements(front)) < 0.01
    assert undominated.improvements(np.full((1, objectives), 0.5)) == 0


@pytest.mark.parametrize("objectives", [5, 6, 7, 12])
def test_some_members_of_a_front_of_many_objectives_stand_for_it(objectives: int) -> None:
    rng = np.random.default_rng(1)
    front = np.abs(rng.normal(size=(200, objectives)))
    front /= -np.linalg.norm(front, axis=1, keepdims=True)
    reference = np.full(objectives, 0.1)
    rows = front[:40] - 0.1
    added = Undominated(front, reference).improvements(rows)
    assert (added >= Undominated(front, reference).improvements(front[:40])).all()
    assert (added > 0).all()
    assert (added <= np.prod(reference - rows, axis=1) + 1e-12).all()
