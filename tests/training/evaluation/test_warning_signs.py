import math

import pytest
from findings import evaluation, pgd, result
from hypothesis import given
from hypothesis import strategies as st
from stand_ins import words_in

from training.evaluation import AttackResult, LatentMode
from training.evaluation.warning_signs import warning_signs

NATURAL = (True,) * 900 + (False,) * 100


def codes(*attacks: AttackResult, mode: LatentMode | None = None) -> list[str]:
    return [sign.code for sign in evaluation(*attacks, mode=mode).warnings]


def curve(right: int, epsilon: float) -> AttackResult:
    return result(right, epsilon=epsilon, curve=True)


CURVE = [curve(800, 0.05), curve(300, 0.1), curve(0, 0.5)]
SOUND = [
    result(890, family="noise"),
    result(600, family="fgsm"),
    pgd(500, 20),
    pgd(499, 40),
    result(450, family="cascade", name="AutoAttack"),
    result(480, family="apgd", part_of="AutoAttack 0.1"),
    result(451, family="fab", part_of="AutoAttack 0.1"),
    result(450, family="square", part_of="AutoAttack 0.1"),
    result(700, family="transfer"),
    result(100, family="cw", norm="l2", epsilon=float("inf")),
    *CURVE,
]


def test_a_sound_evaluation_raises_none() -> None:
    assert codes(*SOUND) == []


@pytest.mark.parametrize(
    ("attacks", "code", "words"),
    [
        ([pgd(500, 20), result(574, family="cascade", name="AutoAttack")], "autoattack_above_pgd", "57.4 %, more than"),
        (
            [pgd(805, 40), result(405, family="cascade", name="AutoAttack")],
            "pgd_flatters",
            "PGD-40 leaves 80.5 %, 40.0 points more than AutoAttack with 40.5 %",
        ),
        ([pgd(500, 20), result(410, family="apgd", name="APGD-T")], "pgd_flatters", "9.0 points more than APGD-T"),
        (
            [pgd(500, 20), result(410, parameters={"loss": "margin", "steps": 20, "restarts": 1})],
            "pgd_flatters",
            "9.0 points",
        ),
        (
            [pgd(500, 20), result(490, family="square")],
            "square_lowers_the_union",
            "by 1.0 points (10 of 1000 images), from 50.0 %",
        ),
        ([pgd(500, 20), result(490, family="transfer")], "transfer_stronger", "49.0 %, less than"),
        ([pgd(500, 20), result(490, family="mean_path")], "transfer_stronger", "masked"),
        ([pgd(500, 20), pgd(510, 40)], "more_steps_weaker", "PGD-40 leaves 51.0 %, more than PGD-20 with 50.0 %"),
        ([pgd(510, 40), pgd(500, 20)], "more_steps_weaker", "PGD-40 leaves 51.0 %"),
        ([pgd(850, 20), result(840, family="noise")], "noise_as_strong", "Random noise leaves 84.0 %"),
        ([curve(300, 0.1), curve(200, 1.0)], "not_zero_at_large_epsilon", "20.0 %"),
        (
            [curve(200, 0.1), curve(300, 0.2), *CURVE[2:]],
            "not_falling_with_epsilon",
            "30.0 % at epsilon 0.2, more than the 20.0 % at 0.1",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) and "_" in value else "",
)
def test_each_sign_has_its_cause_and_its_figures(attacks: list[AttackResult], code: str, words: str) -> None:
    found = evaluation(*attacks).warnings
    assert [sign.code for sign in found] == [code]
    assert words in found[0].message


def test_one_image_more_or_less_is_no_sign() -> None:
    assert codes(pgd(50, 20, of=100), result(51, of=100, family="cascade")) == []
    assert codes(pgd(50, 20, of=100), result(52, of=100, family="cascade")) == ["autoattack_above_pgd"]
    assert codes(pgd(500, 20), pgd(502, 40)) == []
    assert codes(pgd(500, 20), pgd(503, 40)) == ["more_steps_weaker"]


def test_square_is_measured_against_the_union_of_all_others() -> None:
    # FAB has already broken what Square breaks, although PGD has not.
    assert codes(pgd(500, 20), result(480, family="fab"), result(480, family="square")) == []


@pytest.mark.parametrize(("images", "least"), [(50, 2), (100, 2), (500, 4), (1000, 6), (10_000, 29)])
def test_square_must_break_more_images_than_two_thousandths_give_by_chance(images: int, least: int) -> None:
    # The tail of the binomial distribution by hand: P(at least `least`) is the first below 5 %.
    tail = [
        1 - sum(math.comb(images, k) * 0.002**k * 0.998 ** (images - k) for k in range(n)) for n in (least - 1, least)
    ]
    assert tail[0] >= 0.05 > tail[1]
    for gain, expected in ((1, []), (least - 1, []), (least, ["square_lowers_the_union"])):
        attacks = [pgd(images, 20, of=images), result(images - gain, of=images, family="square")]
        signs = warning_signs((True,) * images, attacks, LatentMode(), zero_gradients=0)
        assert [sign.code for sign in signs] == expected


def test_attacks_of_another_radius_or_loss_are_not_compared() -> None:
    assert codes(pgd(500, 20, epsilon=0.1), pgd(600, 40, epsilon=0.05)) == []
    assert codes(pgd(500, 20, epsilon=0.1), result(600, family="cascade", epsilon=0.05)) == []
    other = result(600, parameters={"loss": "dlr", "steps": 100, "restarts": 1})
    assert codes(pgd(500, 20), other) == []


def test_few_draws_of_a_sampled_latent_are_a_sign() -> None:
    assert codes(mode=LatentMode.named("sampled")) == []
    assert codes(mode=LatentMode.named("naive")) == ["few_draws"]
    assert codes(mode=LatentMode(name="sampled", attack_draws=19, prediction_draws=50)) == ["few_draws"]
    assert codes(mode=LatentMode(name="sampled", attack_draws=20, prediction_draws=49)) == ["few_draws"]


def test_zero_gradients_and_probabilities_are_signs() -> None:
    signs = warning_signs(NATURAL, [], LatentMode(), zero_gradients=3, probabilities=True)
    assert [sign.code for sign in signs] == ["zero_gradients", "probabilities"]
    assert words_in(signs[0].message, ("3", "900")) == ["3", "900"]


@given(st.lists(st.integers(0, 900), min_size=2, max_size=2), st.integers(0, 900))
def test_autoattack_at_or_below_every_pgd_is_never_called_above(pgds: list[int], margin: int) -> None:
    lowest = min(pgds)
    cascade = result(max(0, lowest - margin), family="cascade")
    assert "autoattack_above_pgd" not in codes(pgd(pgds[0], 20), pgd(pgds[1], 40), cascade)


def test_an_attack_on_the_latent_is_measured_against_autoattack() -> None:
    whole = result(450, family="cascade", name="AutoAttack")
    assert codes(whole, result(449, family="latent")) == []
    assert codes(whole, result(440, family="latent")) == ["latent_below_autoattack"]
    assert codes(whole, result(440, family="latent", epsilon=0.2)) == []


def test_a_sampled_latent_needs_both_kinds_of_attacks() -> None:
    mode = LatentMode.named("sampled")
    drawn = pgd(500, 20, parameters={"loss": "ce", "steps": 20, "restarts": 1, "draws": 20})
    mean = result(500, family="mean_path")
    assert codes(drawn, mean, mode=mode) == []
    for alone in (drawn, mean):
        assert codes(alone, mode=mode) == ["sampled_union_incomplete"]
