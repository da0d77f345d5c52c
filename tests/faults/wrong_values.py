"""Values that are wrong nearly everywhere, and what the tests of wrong input ask of the answer."""

import copy
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from training.explained_error import ExplainedError

CASES = 10_000
# The same cases everywhere: a new release must not fail for a fault that was there before.
many = settings(
    max_examples=CASES, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck)
)

NUMBERS = st.one_of(st.integers(-(10**30), 10**30), st.floats(), st.sampled_from([0, 1, -1, 2**63, 1e308]))
WORDS = st.one_of(
    st.text(max_size=20),
    st.sampled_from(
        ["", "8/255", "1/0", "nan", ".inf", "off", "1e400", "motpe", "cnn4", "../..", "\0", "\ud800", "é" * 300]
    ),
)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, WORDS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(WORDS, inner, max_size=3)),
    max_leaves=6,
)


def places(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the paths of all values in nested mappings and lists."""
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [path, *(place for key, value in items for place in places(value, (*path, key)))]


def changed(mapping: dict[str, Any], path: tuple[Any, ...], value: Any) -> Any:
    """Return a copy with another value at one place; at the root the value is all."""
    if not path:
        return value
    result = copy.deepcopy(mapping)
    node: Any = result
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = value
    return result


def answer(ask: Callable[[], object]) -> None:
    """Allow a result or an error with a message for the user."""
    with suppress(ExplainedError):
        ask()
