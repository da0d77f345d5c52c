"""Dominance against its definition, and the sweeps against peeling by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tuner.pareto.dominance import is_non_dominated, non_domination_rank
from tuner.pareto.objectives import FloatArray


def losses(max_rows: int = 12, max_objectives: int = 4) -> st.SearchStrategy[FloatArray]:
    """Draw small matrices of few distinct values, so that ties and duplicates are common."""
    shapes = st.tuples(st.integers(0, max_rows), st.integers(1, max_objectives))
    return shapes.flatmap(lambda shape: hnp.arrays(np.float64, shape, elements=st.integers(-3, 3).map(float)))


def dominates(a: FloatArray, b: FloatArray) -> bool:
    return bool((a <= b).all() and (a < b).any())


def peeled_by_definition(matrix: FloatArray) -> list[int]:
    ranks: dict[int, int] = {}
    front = 0
    while len(ranks) < len(matrix):
        left = [i for i in range(len(matrix)) if i not in ranks]
        ranks |= {i: front for i in left if not any(dominates(matrix[j], matrix[i]) for j in left)}
        front += 1
    return [ranks[i] for i in range(len(matrix))]


@given(losses())
def test_non_dominated_rows_are_those_that_no_row_dominates(matrix: FloatArray) -> None:
    expected = [not any(dominates(other, row) for other in matrix) for row in matrix]
    assert is_non_dominated(matrix).tolist() == expected


@given(losses())
def test_ranks_are_those_of_peeling_front_after_front(matrix: FloatArray) -> None:
    assert non_domination_rank(matrix).tolist() == peeled_by_definition(matrix)


def test_a_large_random_set_agrees_between_the_sweep_and_general_peeling() -> None:
    matrix = np.random.default_rng(0).random((2000, 2)).round(2)
    general = non_domination_rank(np.hstack([matrix, matrix[:, :1]]))
    assert np.array_equal(non_domination_rank(matrix), general)
    assert np.array_equal(is_non_dominated(matrix), general == 0)


def test_infinite_losses_are_the_worst() -> None:
    matrix = np.array([[np.inf, np.inf], [0.1, 0.2], [np.inf, 0.1], [-np.inf, np.inf]])
    assert non_domination_rank(matrix).tolist() == [1, 0, 0, 0]


def test_a_nan_is_refused_with_its_row() -> None:
    with pytest.raises(ValueError, match=r"Row 1 of the losses is \[nan, 2\.0\]"):
        is_non_dominated(np.array([[0.0, 1.0], [np.nan, 2.0]]))


@pytest.mark.parametrize("shape", [(3,), (3, 0), (1, 2, 3)])
def test_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="must be"):
        non_domination_rank(np.zeros(shape))
