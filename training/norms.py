"""The norms that can bound an attack, and the radii that a ball may have in each.

A configuration and the help of a command need the names, where torch must not be imported.
"""

LINF, L2 = "linf", "l2"
NORMS = (LINF, L2)
# For axes and sentences.
TITLES = {LINF: "l-infinity", L2: "l2"}


def radius_rule(norm: str) -> str:
    """Return what a radius in `norm` must be, for error messages; images have values in [0, 1]."""
    return "in [0, 1]" if norm == LINF else "a finite number >= 0"


def is_radius(value: float, norm: str) -> bool:
    """Return whether a ball in `norm` may have this radius. NaN is none."""
    return 0 <= value <= 1 if norm == LINF else 0 <= value < float("inf")
