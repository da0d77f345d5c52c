"""How well a number of images determines an accuracy."""

from functools import lru_cache

_LEVEL = 0.95


@lru_cache(maxsize=1024)
def interval_of(right: int, images: int) -> tuple[float, float]:
    """Return the 95 % interval of an accuracy of which `right` of `images` images are known (Wilson 1927).

    It is that of a new draw of the images, for one model; doi:10.1080/01621459.1927.10502953.
    """
    from scipy.stats import binomtest

    found = binomtest(right, images).proportion_ci(_LEVEL, method="wilson")
    return float(found.low), float(found.high)
