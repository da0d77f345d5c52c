"""Attacks by their registered names, with parameters, sizes and facts."""

import math
from dataclasses import replace
from pathlib import Path

import pytest
from raises_about import raises_about
from toys import relu_net

from training.attacks import Apgd, AttackError, Fab, MeanPath, Pgd, Scale, attack_help, attacks_of, facts_of
from training.attacks.adversary import record_of
from training.registry import ATTACKS

SCALE = Scale(epsilon=0.2, step_size=0.05, rate=0.01, classes=10)
DOCUMENT = Path(__file__).parents[3] / "docs" / "evaluate.md"


def test_a_name_stands_for_its_defaults_and_takes_parameters() -> None:
    assert attacks_of("pgd40", SCALE) == [Pgd(epsilon=0.2, step_size=0.05, steps=40)]
    assert attacks_of("pgd(steps=50, restarts=3, loss=dlr)", SCALE) == [
        Pgd(epsilon=0.2, step_size=0.05, steps=50, restarts=3, loss="dlr")
    ]
    assert attacks_of("apgd_t(steps=7, targets=3)", SCALE) == [Apgd(epsilon=0.2, loss="targeted", steps=7, targets=3)]


def test_a_radius_of_one_attack_has_its_step_in_proportion() -> None:
    (smaller,) = attacks_of("pgd(epsilon=1/10)", SCALE)
    assert smaller == Pgd(epsilon=0.1, step_size=0.025, steps=20)
    (given,) = attacks_of("pgd(epsilon=1/10, step_size=0.01)", SCALE)
    assert given == Pgd(epsilon=0.1, step_size=0.01, steps=20)


def test_targets_are_no_more_than_the_wrong_classes() -> None:
    few = Scale(epsilon=0.2, step_size=0.05, rate=0.01, classes=4)
    assert attacks_of("fab_t", few) == [Fab(epsilon=0.2, targets=3)]
    with raises_about(AttackError, "apgd_t"):
        attacks_of("apgd_t", Scale(epsilon=0.2, step_size=0.05, rate=0.01, classes=3))


@pytest.mark.parametrize("name", list(ATTACKS))
def test_the_facts_of_each_attack_are_true(name: str) -> None:
    facts = facts_of(name)
    scale = Scale(epsilon=0.2, step_size=0.05, rate=0.01, classes=10, draws=20, surrogate=relu_net())
    built = attacks_of(name, scale)
    if name != "transfer":  # it also transfers an attack without a bound
        assert {attack.norm for attack in built} == {facts.norm}
        assert {math.isfinite(attack.epsilon) for attack in built} == {facts.bounded}
    if facts.either_norm or not facts.bounded:
        in_l2 = attacks_of(name, replace(scale, norm="l2", epsilon=3))
        assert {attack.norm for attack in in_l2} == {"l2"}
        assert {attack.epsilon for attack in in_l2} <= {3, math.inf}
    sampled = attacks_of(name, scale, sampled=True)
    assert any(isinstance(attack, MeanPath) for attack in sampled) is not facts.in_expectation
    for knob in ATTACKS[name].knobs:
        assert any(knob in record_of(attack) for attack in built)


def test_a_transfer_needs_a_surrogate() -> None:
    with raises_about(AttackError, "transfer"):
        attacks_of("transfer", SCALE)


@pytest.mark.parametrize(
    ("text", "subject"),
    [
        ("pdg20", "pdg20"),
        ("", ""),
        ("pgd(", "pgd("),
        ("pgd(20)", "pgd(20)"),
        ("pgd(step=3)", "pgd(step=3)"),
        ("pgd(steps=0)", "pgd(steps=0)"),
        ("pgd(steps=2.5)", "pgd(steps=2.5)"),
        ("pgd(loss=mse)", "pgd(loss=mse)"),
        ("pgd(epsilon=8)", "pgd(epsilon=8)"),
        ("pgd(draws=3)", "pgd(draws=3)"),
        ("noise(steps=3)", "noise(steps=3)"),
        ("cw(epsilon=0.5)", "cw(epsilon=0.5)"),
        ("no_such_module:attack", "no_such_module:attack"),
    ],
)
def test_a_wrong_text_is_refused(text: str, subject: str) -> None:
    with raises_about(AttackError, subject):
        attacks_of(text, SCALE)


def test_the_nearest_name_is_said() -> None:
    with raises_about(AttackError, "sqare") as refused:
        attacks_of("sqare", SCALE)
    assert "square?" in str(refused.value)


def test_the_help_and_the_document_list_every_name_once() -> None:
    shown = [line.split()[0] for line in attack_help().splitlines() if line.startswith("  ")]
    assert shown == list(ATTACKS)
    rows = [line.split("`")[1] for line in DOCUMENT.read_text().splitlines() if line.startswith("| `")]
    assert sorted(set(rows) & set(ATTACKS)) == list(ATTACKS)
