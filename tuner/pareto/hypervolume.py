"""Exact hypervolume: the volume of objective space that loss rows dominate, up to a reference point.

Zitzler and Thiele 1999, doi:10.1109/4235.797969. Two objectives need one sweep; more objectives are cut into slices.
"""

import numpy as np

from tuner.pareto.dominance import distinct_rows, is_non_dominated
from tuner.pareto.objectives import FloatArray


def hypervolume(losses: FloatArray, reference: FloatArray) -> float:
    """Return the volume that the rows of an (n, m) loss matrix (lower is better) dominate below `reference`, (m,).

    Rows that are not better than the reference in every objective contribute nothing. For two maximised
    accuracies in [0, 1] the reference is (0, 0), and the value lies in [0, 1].
    The time grows with n log n for two objectives, and with a factor n for each further objective.
    Raise ValueError if the shapes do not match, or if a loss is NaN.
    """
    rows = distinct_rows(losses).rows
    if reference.shape != rows.shape[1:]:
        raise ValueError(
            f"The reference point has shape {reference.shape}, but must be {rows.shape[1:]}: "
            "one value for each objective of the losses."
        )
    return _volume(rows[(rows < reference).all(axis=1)], reference)


def _volume(rows: FloatArray, reference: FloatArray) -> float:
    """Return the volume of rows that are all better than the reference."""
    if len(rows) == 0:
        return 0.0
    if len(reference) == 1:
        return float(reference[0] - rows.min())
    front = rows[is_non_dominated(rows)]
    return _area(front, reference) if len(reference) == 2 else _sliced_volume(front, reference)


def _area(front: FloatArray, reference: FloatArray) -> float:
    """Return the sum of the rectangles between neighbours, from the smallest first loss to the reference."""
    front = front[np.argsort(front[:, 0])]
    widths = np.diff(front[:, 0], append=reference[0])  # 0 between equal rows
    return float(widths @ (reference[1] - front[:, 1]))


def _sliced_volume(front: FloatArray, reference: FloatArray) -> float:
    """Return the sum over slices along the last objective: in a slice, the rows that reach it dominate one area."""
    front = front[np.argsort(front[:, -1])]
    depths = np.diff(front[:, -1], append=reference[-1])
    return sum(
        float(depth) * _volume(front[:reached, :-1], reference[:-1])
        for reached, depth in enumerate(depths, start=1)
        if depth > 0
    )
