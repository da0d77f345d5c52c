"""The attacks and the radius that a user names for a confirmation."""

import pytest
from raises_about import raises_about

from tuner.confirm.attacks import read_attacks, read_epsilon, read_norm
from tuner.errors import UsageError


def test_pgd_20_is_always_among_the_attacks_and_first() -> None:
    assert read_attacks(None, 0.1, 10) == ()
    assert read_attacks("square,pgd20, fgsm", 0.1, 10) == ("pgd20", "square", "fgsm")
    named = "torchattacks:APGD(eps=8/255, steps=100)"
    assert read_attacks(f"{named},square", 0.1, 10) == ("pgd20", named, "square")
    assert read_attacks("apgd_t", 0.1, 4) == ("pgd20", "apgd_t")


@pytest.mark.parametrize("text", ["pgd", "", "square,,fgsm", "torchattacks:PGDD", "torchattacks:PGD(step=3)", "apgd_t"])
def test_attacks_that_cannot_run_are_refused(text: str) -> None:
    with raises_about(UsageError, "--attacks"):
        read_attacks(text, 0.1, 2)


def test_a_radius_is_a_number_or_a_fraction() -> None:
    assert [read_epsilon(text) for text in (None, "0.031", "8/255", "1")] == [None, 0.031, 8 / 255, 1.0]


@pytest.mark.parametrize("text", ["0", "-0.1", "8", "1.01", "nan", "inf", "x", "8/0", ""])
def test_another_radius_is_refused(text: str) -> None:
    with raises_about(UsageError, "--epsilon"):
        read_epsilon(text)


def test_in_l2_a_radius_may_be_above_1_and_an_attack_in_linf_needs_its_own() -> None:
    assert read_epsilon("2", "l2") == 2
    for text in ("0", "-1", "inf", "nan"):
        with raises_about(UsageError, "--epsilon"):
            read_epsilon(text, "l2")
    assert read_attacks("square", 0.5, 10, norm="l2") == ("pgd20", "square")
    assert read_attacks("torchattacks:PGD(eps=8/255)", 0.5, 10, norm="l2")
    for text in ("representation", "torchattacks:PGD"):
        with raises_about(UsageError, "--attacks"):
            read_attacks(text, 0.5, 10, norm="l2")


def test_another_norm_than_that_of_the_search_needs_a_radius() -> None:
    assert read_norm(None, None, "l2") == read_norm("l2", None, "l2") == read_norm("l2", "0.5", "linf") == "l2"
    with raises_about(UsageError, ("--norm", "--epsilon")):
        read_norm("l2", None, "linf")
    with raises_about(UsageError, "--norm"):
        read_norm("l1", "0.5", "linf")
