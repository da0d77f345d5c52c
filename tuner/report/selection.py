"""The part of a front that a user asks for: what meets minimums, or its knee."""

from collections.abc import Mapping
from dataclasses import replace

from tuner.front.select import meets
from tuner.report.front_data import FrontData


def select_front(data: FrontData, minimums: Mapping[str, float], *, knee: bool = False) -> FrontData:
    """Keep the completed trials that meet all minimums, given in the metrics' units; with `knee` only the knee.

    Ranks, knee and hypervolume stay those of the whole search.
    """
    points = [point for point in data.points if meets(point.metrics, minimums)]
    if knee:
        points = [point for point in points if point.number == data.knee]
    return replace(data, points=tuple(points))
