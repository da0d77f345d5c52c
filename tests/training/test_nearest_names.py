"""Suggestions for a misspelt name."""

from training.nearest_names import did_you_mean, unknown_key

KNOWN = ("alpha", "alpha_steps", "alpha_step", "beta")


def test_the_nearest_names_come_first_and_no_more_than_asked_for() -> None:
    assert did_you_mean("alpha_stps", KNOWN) == "did you mean alpha_steps or alpha_step or alpha?"
    assert did_you_mean("alpha_stps", KNOWN, most=1) == "did you mean alpha_steps?"


def test_without_a_near_name_there_is_no_suggestion() -> None:
    assert did_you_mean("momentum", KNOWN) == ""
    assert did_you_mean("bexx", ["beta"]) == ""
    assert did_you_mean("bexx", ["beta"], cutoff=0.5) == "did you mean beta?"


def test_an_unknown_key_is_answered_with_near_keys_or_with_all() -> None:
    assert unknown_key("betta", KNOWN) == "unknown key; did you mean beta?"
    assert unknown_key("momentum", iter(("alpha", "beta"))) == "unknown key; the known ones are alpha, beta"
