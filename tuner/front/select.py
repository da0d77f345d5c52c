"""Choosing from a Pareto front: its knee, and the trials that meet given minimums."""

from collections.abc import Mapping

from tuner.front.scaling import scale_to_unit
from tuner.objectives import FloatArray


def knee(losses: FloatArray) -> int:
    """Find the row of a front, an (n, m) loss matrix (lower is better), where its trade-off bends most.

    With every objective scaled to [0, 1] over the front, it is the row farthest on the ideal point's side
    of the hyperplane through the unit points, which for two objectives is the line through the front's two
    extremes (Das 1999, doi:10.1007/BF01195985). The distance to it falls with the sum of the scaled losses,
    so the row with the smallest sum is taken, and of equal ones the first. Hence a front that bends away
    from the ideal everywhere, or has fewer than three rows, gives one of its ends.

    Raises:
        ValueError: if there are no rows.

    """
    if len(losses) == 0:
        raise ValueError("The front has 0 rows, but a knee needs at least 1: no trial has completed yet.")
    return int(scale_to_unit(losses).sum(axis=1).argmin())


def meets(metrics: Mapping[str, float], minimums: Mapping[str, float]) -> bool:
    """Tell whether every metric named in `minimums` is at least its minimum; a NaN is not.

    Raises:
        ValueError: if `minimums` names a metric that `metrics` lacks.

    """
    for name in minimums:
        if name not in metrics:
            raise ValueError(
                f"The minimum is set for {name!r}, but must be set for one of: {', '.join(sorted(metrics))}."
            )
    return all(metrics[name] >= minimum for name, minimum in minimums.items())
