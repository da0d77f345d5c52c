"""The interval of an accuracy, against its closed form."""

import math

import pytest

from training.metrics.interval import interval_of


@pytest.mark.parametrize(("right", "images"), [(0, 10), (3, 10), (10, 10), (4810, 10_000)])
def test_it_is_where_the_score_test_does_not_reject(right: int, images: int) -> None:
    """Wilson 1927: the ends p satisfy (right / n - p)² = z² p (1 - p) / n, with z of 97.5 %."""
    z = 1.959963984540054
    low, high = interval_of(right, images)
    assert 0 <= low <= right / images <= high <= 1
    for end in (low, high):
        if 0 < end < 1:
            assert (right / images - end) ** 2 == pytest.approx(z**2 * end * (1 - end) / images)
    assert high - low < 2 * z / math.sqrt(images)
