"""What the page asks of the driver, checked before it is on record: its form of `tuner add`, `stop` and `set`."""

from collections.abc import Mapping, Sequence
from typing import Any

from tuner.errors import UsageError
from tuner.ledger import TrialRecord
from tuner.space import Space
from tuner.steering.arguments import read_point, read_settings, require_running
from tuner.steering.decide import ADD, SET, STOP


def read_order(
    order: Any, search: str, space: Space, trials: Sequence[TrialRecord], *, driven: bool
) -> tuple[str, dict[str, Any]]:
    """Return the kind and the arguments of an instruction from the JSON of a request.

    It has the form {"kind": "add" or "set", "words": ["alpha=0.3"]}, or {"kind": "stop"}, with "trial": 6 for one trial
    only. Raise UsageError if it has another form, or if no driver can obey it.
    """
    if not isinstance(order, dict) or order.get("kind") not in (ADD, SET, STOP):
        raise UsageError(f"A request must be a JSON object whose kind is {ADD}, {SET} or {STOP}.", "kind")
    if order["kind"] == ADD:
        return ADD, {"parameters": read_point(space, _words(order))}
    if order["kind"] == SET:
        return SET, {"values": read_settings(space, _words(order))}
    number = order.get("trial")
    if number is None:
        if not driven:
            raise UsageError(f"{search} is not running: there is nothing to stop.", search)
        return STOP, {}
    if not isinstance(number, int) or isinstance(number, bool):
        raise UsageError(f"trial is {number!r}, but must be the number of a trial.", "trial")
    require_running(search, trials, number)
    return STOP, {"trial": number}


def _words(order: Mapping[str, Any]) -> list[str]:
    words = order.get("words")
    if not isinstance(words, list) or not words or not all(isinstance(word, str) for word in words):
        raise UsageError("Fill in at least one field: words is a list of texts such as alpha=0.3.", "words")
    return words
