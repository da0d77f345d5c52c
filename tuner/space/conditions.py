"""Conditions of parameters: which parameters a point has, all points of a space, and their number.

A condition is a mapping from other parameters to the values that they must have, all of them. A parameter is searched
in a trial if every parameter that its condition names is searched there as well and has one of these values. So the
conditions of the named parameters hold too.
"""

import math
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

# By parameter: what the others must have. A parameter that is searched in every trial is absent.
Conditions = Mapping[str, Mapping[str, Sequence[Any]]]
_OTHER = object()  # all values of a parameter that no condition names


def holds(name: str, point: Mapping[str, Any], conditions: Conditions) -> bool:
    """Return whether a parameter belongs into a point that has the parameters named by its condition."""
    return all(other in point and point[other] in values for other, values in conditions.get(name, {}).items())


def in_order(names: Iterable[str], conditions: Conditions) -> list[str]:
    """Return parameters so that each comes after those that its condition names; else in the given order.

    Parameters on a circle of conditions, and those that wait for one, are left out.
    """
    waiting, found = list(names), list[str]()
    while ready := [name for name in waiting if all(other in found for other in conditions.get(name, {}))]:
        # One at a time, so that parameters without conditions keep their places.
        found.append(ready[0])
        waiting.remove(ready[0])
    return found


def combinations(values: Mapping[str, Sequence[Any]], conditions: Conditions) -> Iterator[dict[str, Any]]:
    """Yield every point with these values, each with the parameters whose conditions hold; the last varies fastest."""
    order = in_order(values, conditions)

    def points(place: int, chosen: dict[str, Any]) -> Iterator[dict[str, Any]]:
        if place == len(order):
            yield {name: chosen[name] for name in values if name in chosen}
        elif holds(order[place], chosen, conditions):
            for value in values[order[place]]:
                yield from points(place + 1, {**chosen, order[place]: value})
        else:
            yield from points(place + 1, chosen)

    return points(0, {})


def count_points(counts: Mapping[str, float], conditions: Conditions) -> float:
    """Return the number of points of parameters with these numbers of values, without listing them.

    Parameters that no condition links are counted by themselves, also those that only a chosen value has linked.
    """

    def total(names: Sequence[str], chosen: dict[str, Any]) -> float:
        return math.prod(of_linked(linked, chosen) for linked in _linked(names, conditions))

    def of_linked(names: Sequence[str], chosen: dict[str, Any]) -> float:
        first, *others = names
        if not holds(first, chosen, conditions):
            return total(others, chosen)
        if not others:
            return counts[first]
        return sum(times * total(others, {**chosen, first: value}) for value, times in groups(first))

    def groups(name: str) -> list[tuple[Any, float]]:
        # Values that the same conditions name lead to equally many points.
        named = {value: _conditions_with(name, value, conditions) for value in named_values(name, conditions)}
        alike, first = Counter(named.values()), {kind: value for value, kind in named.items()}
        rest = counts[name] - len(named)
        return [(first[kind], times) for kind, times in alike.items()] + ([(_OTHER, rest)] if rest > 0 else [])

    return total(in_order(counts, conditions), {})


def _linked(names: Sequence[str], conditions: Conditions) -> list[list[str]]:
    """Return parameters in groups, such that no condition of one group names a parameter of another one.

    The order of `names` stays in each group; there, each comes after those that its condition names.
    """
    found: list[list[str]] = []
    for name in names:
        joined = [group for group in found if any(other in group for other in conditions.get(name, {}))]
        members = {each for group in joined for each in group}
        found = [group for group in found if group not in joined]
        found.append([*(each for each in names if each in members), name])
    return found


def named_values(name: str, conditions: Conditions) -> list[Any]:
    """Return the values of a parameter that conditions name, each once."""
    return list(dict.fromkeys(value for condition in conditions.values() for value in condition.get(name, ())))


def _conditions_with(name: str, value: Any, conditions: Conditions) -> frozenset[str]:
    return frozenset(each for each, condition in conditions.items() if value in condition.get(name, ()))


def whole_condition(name: str, conditions: Conditions) -> dict[str, list[Any]]:
    """Return what other parameters must have for `name` to be searched, with the conditions of those in turn.

    A parameter that several of these conditions name has the values that all of them allow; none if that is impossible.
    """
    found: dict[str, list[Any]] = {}
    waiting, seen = [name], set[str]()
    while waiting:
        current = waiting.pop()
        if current in seen:
            continue
        seen.add(current)
        for other, values in conditions.get(current, {}).items():
            found[other] = both(found.get(other), values)
            waiting.append(other)
    return found


def can_hold_together(first: str, second: str, conditions: Conditions) -> bool:
    """Return whether a point can have two parameters; each of them can be searched by itself."""
    one, other = whole_condition(first, conditions), whole_condition(second, conditions)
    return all(both(one[name], other[name]) for name in one.keys() & other.keys())


def both(first: Collection[Any] | None, second: Collection[Any]) -> list[Any]:
    """Return the values in both collections; all of `second` without a first."""
    return [value for value in second if first is None or value in first]
