"""The growth of a front against measuring every beginning of the search afresh."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tuner.pareto.dominance import is_non_dominated
from tuner.pareto.growth import front_growth
from tuner.pareto.hypervolume import hypervolume
from tuner.pareto.objectives import FloatArray


def losses() -> st.SearchStrategy[FloatArray]:
    """Draw coarse values around the reference point 0, so that ties and rows beyond it are common."""
    elements = st.integers(-6, 1).map(lambda eighth: eighth / 8)
    return st.tuples(st.integers(0, 12), st.integers(1, 3)).flatmap(
        lambda shape: hnp.arrays(np.float64, shape, elements=elements)
    )


@given(losses())
def test_each_step_is_the_front_of_the_rows_so_far(matrix: FloatArray) -> None:
    reference = np.zeros(matrix.shape[1])
    growth = front_growth(matrix, reference)
    beginnings = [matrix[: k + 1] for k in range(len(matrix))]
    assert growth.sizes.tolist() == [is_non_dominated(rows).sum() for rows in beginnings]
    assert growth.hypervolumes == pytest.approx([hypervolume(rows, reference) for rows in beginnings], abs=1e-12)


@given(losses())
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
    with pytest.raises(ValueError, match="NaN"):
        front_growth(np.array([[np.nan, 0.0]]), np.zeros(2))
