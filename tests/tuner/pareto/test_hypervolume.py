"""Hypervolume against moocore and areas known by hand; its growth against measuring the rows so far afresh."""

import moocore
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tuner.pareto.dominance import is_non_dominated
from tuner.pareto.hypervolume import front_growth, hypervolume
from tuner.pareto.objectives import FloatArray


def losses(objectives: int) -> st.SearchStrategy[FloatArray]:
    """Draw coarse and fine values, some of them beyond the reference point 1, and repeated rows."""
    coarse = st.integers(-4, 5).map(lambda tenth: tenth / 4)
    elements = coarse | st.floats(-1, 1.25, width=32)
    return st.integers(1, 12).flatmap(lambda n: hnp.arrays(np.float64, (n, objectives), elements=elements))


@pytest.mark.parametrize("objectives", [1, 2, 3, 4])
def test_agrees_with_moocore(objectives: int) -> None:
    reference = np.ones(objectives)

    @given(losses(objectives))
    def check(matrix: FloatArray) -> None:
        # moocore wants two objectives; a constant second one of depth 1 changes no value.
        padded = np.hstack([matrix, np.zeros((len(matrix), 1))]) if objectives == 1 else matrix
        expected = moocore.hypervolume(padded, ref=np.ones(padded.shape[1]))
        assert hypervolume(matrix, reference) == pytest.approx(expected, rel=1e-12, abs=1e-12)

    check()


def test_agrees_with_moocore_on_large_fronts() -> None:
    rng = np.random.default_rng(1)
    for objectives, rows in [(2, 3000), (3, 300), (4, 40)]:
        matrix = rng.random((rows, objectives))
        expected = moocore.hypervolume(matrix, ref=np.ones(objectives))
        assert hypervolume(matrix, np.ones(objectives)) == pytest.approx(expected, rel=1e-12)


def test_accuracies_measure_from_zero() -> None:
    """Three trials: 0.9 x 0.1, then 0.7 x (0.4 - 0.1) and 0.5 x (0.6 - 0.4) above it."""
    accuracies = np.array([[0.7, 0.4], [0.9, 0.1], [0.5, 0.6]])
    assert hypervolume(-accuracies, np.zeros(2)) == pytest.approx(0.09 + 0.21 + 0.10)


def test_rows_that_do_not_beat_the_reference_in_every_objective_count_for_nothing() -> None:
    matrix = np.array([[0.5, 0.5], [-9.0, 1.0], [1.0, -9.0], [2.0, 2.0]])
    assert hypervolume(matrix, np.ones(2)) == 0.25
    assert hypervolume(matrix[1:], np.ones(2)) == 0.0


@pytest.mark.parametrize("objectives", [1, 2, 3])
def test_no_rows_have_no_volume(objectives: int) -> None:
    assert hypervolume(np.empty((0, objectives)), np.ones(objectives)) == 0.0


def test_a_nan_and_a_wrong_reference_are_refused() -> None:
    with pytest.raises(ValueError, match="losses"):
        hypervolume(np.array([[np.nan, 0.0]]), np.ones(2))
    with pytest.raises(ValueError, match="reference"):
        hypervolume(np.zeros((1, 2)), np.ones(3))


def coarse_losses() -> st.SearchStrategy[FloatArray]:
    """Draw coarse values around the reference point 0, so that ties and rows beyond it are common."""
    elements = st.integers(-6, 1).map(lambda eighth: eighth / 8)
    return st.tuples(st.integers(0, 12), st.integers(1, 3)).flatmap(
        lambda shape: hnp.arrays(np.float64, shape, elements=elements)
    )


@given(coarse_losses())
def test_each_step_is_the_front_of_the_rows_so_far(matrix: FloatArray) -> None:
    reference = np.zeros(matrix.shape[1])
    growth = front_growth(matrix, reference)
    beginnings = [matrix[: k + 1] for k in range(len(matrix))]
    assert growth.sizes.tolist() == [is_non_dominated(rows).sum() for rows in beginnings]
    assert growth.hypervolumes == pytest.approx([hypervolume(rows, reference) for rows in beginnings], abs=1e-12)


@given(coarse_losses())
def test_hypervolume_never_shrinks(matrix: FloatArray) -> None:
    volumes = front_growth(matrix, np.zeros(matrix.shape[1])).hypervolumes
    assert (np.diff(volumes) >= -1e-15).all()


@pytest.mark.parametrize("objectives", [1, 2, 3])
def test_many_random_rows_end_at_the_hypervolume_of_all(objectives: int) -> None:
    matrix = np.random.default_rng(0).random((1000, objectives))
    growth = front_growth(matrix, np.ones(objectives))
    assert growth.hypervolumes[-1] == pytest.approx(hypervolume(matrix, np.ones(objectives)), rel=1e-12)
    assert growth.sizes[-1] == is_non_dominated(matrix).sum()


def test_a_nan_is_refused() -> None:
    with pytest.raises(ValueError, match="losses"):
        front_growth(np.array([[np.nan, 0.0]]), np.zeros(2))
