"""Which neighbours on a front the number of images and the noise of the seed can hide."""

import math
import re
from dataclasses import replace
from typing import Any

import pytest
from fake_search import search_of, trial
from hypothesis import given
from hypothesis import strategies as st

from tuner.report.analysis.noise_notes import is_alike, noise_notes

FRONT = search_of([trial(0, 0.9, 0.3), trial(1, 0.89, 0.31), trial(2, 0.8, 0.4), trial(3, 0.795, 0.5)])


def pairs(natural: float, pgd: float) -> list[tuple[str, str]]:
    notes = noise_notes(replace(FRONT, seed_noise={"natural_accuracy": natural, "pgd_accuracy": pgd}))
    return re.findall(r"(\d+) and (\d+)", " ".join(notes[1:]))


def test_neighbours_are_alike_if_all_differences_are_below_two_standard_deviations_of_a_difference() -> None:
    """2 · √2 · 0.004 = 0.0113 > 0.01 = the differences of trials 0 and 1; 2 and 3 differ by 0.1 in PGD accuracy."""
    assert pairs(0.004, 0.004) == [("0", "1")]
    assert pairs(0.003, 0.004) == pairs(0.004, 0.003) == []
    assert pairs(0.004, 0.04) == [("0", "1"), ("2", "3")]
    assert pairs(1, 1) == [("0", "1"), ("1", "2"), ("2", "3")]


@given(st.integers(10, 10**6), st.floats(0, 0.05))
def test_the_variances_of_images_and_seeds_add_up(images: int, seed: float) -> None:
    first, second = FRONT.front[:2]
    data = replace(FRONT, validation_images=images, seed_noise={"natural_accuracy": seed, "pgd_accuracy": seed})
    apart = [
        abs(a - b) > 2 * math.sqrt(2 * seed**2 + a * (1 - a) / images + b * (1 - b) / images)
        for a, b in ((0.9, 0.89), (0.3, 0.31))
    ]
    assert is_alike(first, second, data) is not any(apart)


def test_the_noise_is_written_in_the_unit_of_each_metric() -> None:
    (note, *_) = noise_notes(replace(FRONT, seed_noise={"natural_accuracy": 0.004, "pgd_accuracy": 0.011}))
    assert "natural accuracy 0.4 %" in note
    assert "PGD accuracy 1.1 %" in note


def test_the_interval_is_that_of_the_middle_of_the_front() -> None:
    """Wilson's interval of 40 of 100 is 0.309 to 0.498."""
    (note, listed) = noise_notes(replace(FRONT, validation_images=100))
    assert [fact for fact in ("100 validation images", "40.00 %", "30.9", "49.8") if fact not in note] == []
    assert re.findall(r"(\d+) and (\d+)", listed) == [("0", "1"), ("1", "2"), ("2", "3")]


@pytest.mark.parametrize("known", [{"validation_images": 100}, {"seed_noise": {"natural_accuracy": 0.1}}])
def test_without_an_estimate_or_a_front_there_is_nothing_to_say(known: dict[str, Any]) -> None:
    assert noise_notes(FRONT) == []
    assert noise_notes(replace(search_of([]), **known)) == []


def test_of_many_pairs_some_are_listed() -> None:
    many = search_of([trial(n, 0.9 - n / 1000, 0.3 + n / 1000) for n in range(20)])
    (_, listed) = noise_notes(replace(many, seed_noise={"natural_accuracy": 0.1, "pgd_accuracy": 0.1}))
    assert len(re.findall(r"(\d+) and (\d+)", listed)) == 8
    assert "11 more" in listed
