"""The interval beside each accuracy: Wilson's formula, and metrics that have none."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.report.analysis.image_noise import format_measured, interval


@given(st.data(), st.integers(1, 10_000))
def test_the_interval_is_wilsons(data: st.DataObject, images: int) -> None:
    right = data.draw(st.integers(0, images))
    found = interval("pgd_accuracy", right / images, images)
    assert found is not None
    z, share = 1.959963984540054, right / images
    middle = (share + z**2 / (2 * images)) / (1 + z**2 / images)
    half = z / (1 + z**2 / images) * math.sqrt(share * (1 - share) / images + z**2 / (4 * images**2))
    assert found == pytest.approx((middle - half, middle + half), abs=1e-9)


def test_half_of_it_stands_beside_the_accuracy() -> None:
    """Wilson's interval of 40 of 100 is 0.3094 to 0.4980."""
    assert format_measured("pgd_accuracy", 0.4, 100) == "40.00 ±9.4"


@pytest.mark.parametrize(
    ("name", "value", "images"),
    [
        ("seconds", 0.4, 100),
        ("worst_class_pgd_accuracy", 0.4, 100),
        ("pgd_accuracy", 0.4, None),
        ("pgd_accuracy", None, 100),
        ("pgd_accuracy", math.nan, 100),
    ],
)
def test_what_is_no_share_of_known_images_has_none(name: str, value: float | None, images: int | None) -> None:
    assert interval(name, value, images) is None
    assert "±" not in format_measured(name, value, images)
