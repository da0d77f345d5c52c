"""The paper's own points, as marks beside the front of a search on the same data set.

Yu et al. 2023, doi:10.1016/j.patcog.2022.109054: natural accuracy and accuracy under PGD in per cent, on the test
set, mean of their runs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tuner.objectives import Objective

PUBLISHED_NOTE = (
    "Diamonds are published by Yu et al. 2023, measured on the test set after full training; the search's own points "
    "are measured on its validation split."
)
_OBJECTIVES = ("natural_accuracy", "pgd_accuracy")


@dataclass(frozen=True, slots=True)
class PublishedPoint:
    """One published result: a method or a setting, its accuracies in per cent, and where it is printed."""

    label: str
    natural: float
    pgd: float
    source: str


# By data set: source, attack steps, and label: (natural, PGD).
_TABLES: dict[str, tuple[tuple[str, int, dict[str, tuple[float, float]]], ...]] = {
    "cifar10": (
        (
            "Table 4, ResNet-18, PGD-20",
            20,
            {
                "standard": (82.59, 49.55),
                "TRADES": (81.83, 53.38),
                "MMA": (82.28, 51.66),
                "MART": (81.57, 55.14),
                "shared information": (81.87, 55.51),
            },
        ),
        (
            "Table 12, ResNet-18, PGD-20, lambda 4",
            20,
            {
                "alpha 0, beta 0.001": (75.38, 51.36),
                "alpha 0.1, beta 0.001": (78.38, 53.17),
                "alpha 0.3, beta 0.001": (80.94, 55.37),
                "alpha 0.5, beta 0.001": (81.37, 55.58),
                "alpha 0.7, beta 0.001": (78.37, 55.35),
                "alpha 0.9, beta 0.001": (77.10, 55.25),
                "alpha 1, beta 0.001": (76.16, 54.84),
                "alpha 0.5, beta 0.003": (79.60, 55.46),
                "alpha 0.5, beta 0.005": (79.38, 55.42),
                "alpha 0.5, beta 0.007": (79.51, 55.57),
                "alpha 0.5, beta 0.01": (80.24, 55.37),
            },
        ),
    ),
    "cifar100": (
        (
            "Table 5, WRN-34-10, PGD-20",
            20,
            {
                "standard": (60.11, 24.92),
                "TRADES": (56.97, 26.87),
                "MART": (57.72, 30.27),
                "shared information": (60.66, 34.15),
            },
        ),
    ),
    "mnist": (
        (
            "Table 4, 4-layer CNN, PGD-20",
            20,
            {
                "standard": (99.16, 96.25),
                "TRADES": (99.14, 97.85),
                "MMA": (99.12, 97.35),
                "MART": (99.28, 98.10),
                "shared information": (99.10, 98.60),
            },
        ),
        (
            "Table 4, 4-layer CNN, PGD-40",
            40,
            {
                "standard": (99.16, 95.54),
                "TRADES": (99.14, 96.44),
                "MMA": (99.12, 95.89),
                "MART": (99.28, 96.75),
                "shared information": (99.10, 96.64),
            },
        ),
    ),
}


def is_named(points: Sequence[PublishedPoint]) -> bool:
    """Whether a picture has room for the names of a table's points: there are few, or they are the methods'."""
    return len(points) < 6


def published_points(setting: Mapping[str, Any], objectives: Sequence[Objective]) -> tuple[PublishedPoint, ...]:
    """Give the paper's points for a search's data set, under as many attack steps as the search measures with.

    There are none unless the first two objectives are the paper's two accuracies.
    """
    if tuple(objective.name for objective in objectives[:2]) != _OBJECTIVES:
        return ()
    steps = setting.get("eval_attack_steps", 20)
    return tuple(
        PublishedPoint(label, natural, pgd, source)
        for source, attack_steps, points in _TABLES.get(str(setting.get("dataset")), ())
        if attack_steps == steps
        for label, (natural, pgd) in points.items()
    )
