"""The requests of the page, as instructions."""

from typing import Any

import pytest
from fake_search import trial
from raises_about import raises_about
from simulated_search import SEARCH, small_space

from tuner.errors import UsageError
from tuner.ledger import Outcome
from tuner.live.orders import read_order

TRIALS = [trial(0, 0.5, 0.5), trial(1, outcome=Outcome.RUNNING)]


def read(order: Any, *, driven: bool = True) -> tuple[str, dict[str, Any]]:
    return read_order(order, SEARCH, small_space(), TRIALS, driven=driven)


@pytest.mark.parametrize(
    ("order", "instruction"),
    [
        ({"kind": "add", "words": ["alpha=1/4"]}, ("add", {"parameters": {"alpha": 0.25}})),
        ({"kind": "set", "words": ["search.trials=9"]}, ("set", {"values": {"search.trials": 9}})),
        ({"kind": "stop", "trial": 1}, ("stop", {"trial": 1})),
        ({"kind": "stop"}, ("stop", {})),
    ],
)
def test_requests_become_the_instructions_of_the_commands(order: Any, instruction: Any) -> None:
    assert read(order) == instruction


@pytest.mark.parametrize(
    ("order", "subject"),
    [
        (None, "kind"),
        ([], "kind"),
        ({}, "kind"),
        ({"kind": "delete"}, "kind"),
        ({"kind": ["add"]}, "kind"),
        ({"kind": "add"}, "words"),
        ({"kind": "add", "words": []}, "words"),
        ({"kind": "add", "words": "alpha=0.3"}, "words"),
        ({"kind": "add", "words": [1]}, "words"),
        ({"kind": "add", "words": ["alpha=3"]}, ("alpha",)),
        ({"kind": "set", "words": ["trial.epochs=9"]}, "trial.epochs"),
        ({"kind": "stop", "trial": 0}, 0),
        ({"kind": "stop", "trial": 7}, 7),
        ({"kind": "stop", "trial": "1"}, "trial"),
        ({"kind": "stop", "trial": True}, "trial"),
    ],
)
def test_what_no_driver_can_obey_is_refused(order: Any, subject: Any) -> None:
    with raises_about(UsageError, subject):
        read(order)


def test_a_search_that_does_not_run_cannot_be_stopped_as_a_whole() -> None:
    with raises_about(UsageError, SEARCH):
        read({"kind": "stop"}, driven=False)
