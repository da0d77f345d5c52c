"""Which epochs of one training may be points of a front, against all pairs of epochs."""

import math
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.pareto.epochs import undominated_epochs
from tuner.pareto.objectives import Objective

OBJECTIVES = (Objective("up", maximise=True), Objective("down", maximise=False))
CONSTRAINTS = (Objective("cost", maximise=False, limit=2.0),)
# Few values, so that epochs are often equal, dominated or beyond the limit.
VALUES = st.sampled_from([0.0, 1.0, 2.0, 3.0, math.nan, math.inf])
HISTORIES = st.lists(st.fixed_dictionaries({}, optional={"up": VALUES, "down": VALUES, "cost": VALUES}), max_size=12)


def dominates(one: Mapping[str, float], other: Mapping[str, float]) -> bool:
    at_least = one["up"] >= other["up"] and one["down"] <= other["down"]
    return at_least and (one["up"], one["down"]) != (other["up"], other["down"])


def by_pairs(history: list[dict[str, float]]) -> tuple[int, ...]:
    """Return the epochs as the definition says, by comparing each pair."""
    names = ("up", "down", "cost")
    allowed = {
        epoch: metrics
        for epoch, metrics in enumerate(history, start=1)
        if all(math.isfinite(metrics.get(name, math.nan)) for name in names) and metrics["cost"] <= 2.0
    }

    def falls_out(epoch: int) -> bool:
        own = allowed[epoch]
        equal = [e for e, m in allowed.items() if (m["up"], m["down"]) == (own["up"], own["down"])]
        return any(dominates(other, own) for other in allowed.values()) or epoch != max(equal)

    return tuple(epoch for epoch in allowed if not falls_out(epoch))


def found(history: list[dict[str, float]]) -> tuple[int, ...]:
    return undominated_epochs(dict(enumerate(history, start=1)), OBJECTIVES, CONSTRAINTS)


@given(HISTORIES)
def test_they_are_those_that_no_other_epoch_dominates(history: list[dict[str, float]]) -> None:
    assert found(history) == by_pairs(history)


@given(HISTORIES)
def test_what_falls_out_never_comes_back(history: list[dict[str, float]]) -> None:
    """So a checkpoint that is removed while the training goes on is not needed at its end."""
    for epochs in range(len(history)):
        later = {epoch for epoch in found(history) if epoch <= epochs}
        assert later <= set(found(history[:epochs]))


def test_without_constraints_only_the_objectives_must_be_there() -> None:
    assert undominated_epochs({3: {"up": 1.0, "down": 1.0}, 6: {}}, OBJECTIVES) == (3,)


@pytest.mark.parametrize("history", [{}, {1: {"up": math.nan, "down": 1.0}}])
def test_nothing_measured_gives_no_epoch(history: dict[int, dict[str, float]]) -> None:
    assert undominated_epochs(history, OBJECTIVES) == ()
