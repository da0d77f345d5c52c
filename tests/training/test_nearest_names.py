"""Suggestions for a misspelt name."""

import re

from training.nearest_names import did_you_mean, unknown_key

KNOWN = ("alpha", "alpha_steps", "alpha_step", "beta")


def names_in(text: str) -> list[str]:
    return [word for word in re.findall(r"\w+", text) if word in KNOWN]


def test_the_nearest_names_come_first_and_no_more_than_asked_for() -> None:
    assert names_in(did_you_mean("alpha_stps", KNOWN)) == ["alpha_steps", "alpha_step", "alpha"]
    assert names_in(did_you_mean("alpha_stps", KNOWN, most=1)) == ["alpha_steps"]


def test_without_a_near_name_there_is_no_suggestion() -> None:
    assert did_you_mean("momentum", KNOWN) == ""
    assert did_you_mean("bexx", ["beta"]) == ""
    assert names_in(did_you_mean("bexx", ["beta"], cutoff=0.5)) == ["beta"]


def test_an_unknown_key_is_answered_with_near_keys_or_with_all() -> None:
    assert names_in(unknown_key("betta", KNOWN)) == ["beta"]
    assert names_in(unknown_key("momentum", iter(("alpha", "beta")))) == ["alpha", "beta"]
