"""Suggestions for a misspelt name."""

from stand_ins import words_in

from training.nearest_names import did_you_mean, unknown_key

KNOWN = ("alpha", "alpha_steps", "alpha_step", "beta")


def test_the_nearest_names_come_first_and_no_more_than_asked_for() -> None:
    assert words_in(did_you_mean("alpha_stps", KNOWN), KNOWN) == ["alpha_steps", "alpha_step", "alpha"]
    assert words_in(did_you_mean("alpha_stps", KNOWN, most=1), KNOWN) == ["alpha_steps"]


def test_without_a_near_name_there_is_no_suggestion() -> None:
    assert did_you_mean("momentum", KNOWN) == ""
    assert did_you_mean("bexx", ["beta"]) == ""
    assert words_in(did_you_mean("bexx", ["beta"], cutoff=0.5), KNOWN) == ["beta"]


def test_an_unknown_key_is_answered_with_near_keys_or_with_all() -> None:
    assert words_in(unknown_key("betta", KNOWN), KNOWN) == ["beta"]
    assert words_in(unknown_key("momentum", iter(("alpha", "beta"))), KNOWN) == ["alpha", "beta"]
