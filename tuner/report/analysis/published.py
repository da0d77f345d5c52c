"""The paper's own points, as marks beside the front of a search on the same data set.

Yu et al. 2023, doi:10.1016/j.patcog.2022.109054: natural accuracy and accuracy under PGD in per cent, on the test
set, mean of their runs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from training.config import MEASUREMENT_KEYS, TrialConfig
from training.config.preset_files import with_preset
from tuner.pareto.objectives import Objective

PUBLISHED_NOTE = (
    "Diamonds are published by Yu et al. 2023, measured on the test set after full training, under epsilon 0.031 "
    "(MNIST: 0.3); the search's own points are measured on its validation split."
)
_OBJECTIVES = ("natural_accuracy", "pgd_accuracy")


@dataclass(frozen=True, slots=True)
class PublishedPoint:
    """One published result: a method or a setting, its accuracies in per cent, and where it is printed."""

    label: str
    natural: float
    pgd: float
    source: str


class _Table(NamedTuple):
    """One table's points by label, (natural, PGD) in per cent, and what they were measured with."""

    source: str
    dataset: str
    architecture: str
    epsilon: float
    attack_steps: int
    points: dict[str, tuple[float, float]]


_TABLES = (
    _Table(
        "Table 4, ResNet-18, PGD-20",
        "cifar10",
        "resnet18",
        0.031,
        20,
        {
            "standard": (82.59, 49.55),
            "TRADES": (81.83, 53.38),
            "MMA": (82.28, 51.66),
            "MART": (81.57, 55.14),
            "shared information": (81.87, 55.51),
        },
    ),
    _Table(
        "Table 5, WRN-34-10, PGD-20",
        "cifar10",
        "wrn34_10",
        0.031,
        20,
        {
            "standard": (86.21, 52.31),
            "TRADES": (85.73, 55.15),
            "MART": (85.99, 56.66),
            "shared information": (86.25, 57.47),
        },
    ),
    _Table(
        "Table 12, ResNet-18, PGD-20, lambda 4",
        "cifar10",
        "resnet18",
        0.031,
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
    _Table(
        "Table 5, WRN-34-10, PGD-20",
        "cifar100",
        "wrn34_10",
        0.031,
        20,
        {
            "standard": (60.11, 24.92),
            "TRADES": (56.97, 26.87),
            "MART": (57.72, 30.27),
            "shared information": (60.66, 34.15),
        },
    ),
    _Table(
        "Table 4, 4-layer CNN, PGD-20",
        "mnist",
        "cnn4",
        0.3,
        20,
        {
            "standard": (99.16, 96.25),
            "TRADES": (99.14, 97.85),
            "MMA": (99.12, 97.35),
            "MART": (99.28, 98.10),
            "shared information": (99.10, 98.60),
        },
    ),
    _Table(
        "Table 4, 4-layer CNN, PGD-40",
        "mnist",
        "cnn4",
        0.3,
        40,
        {
            "standard": (99.16, 95.54),
            "TRADES": (99.14, 96.44),
            "MMA": (99.12, 95.89),
            "MART": (99.28, 96.75),
            "shared information": (99.10, 96.64),
        },
    ),
)


def is_named(points: Sequence[PublishedPoint]) -> bool:
    """Whether a picture has room for the names of a table's points: there are few, or they are the methods'."""
    return len(points) < 6


def measured_with(setting: Mapping[str, Any]) -> TrialConfig:
    """Complete a setting in what final values depend on to be compared: the measurement's keys and the architecture.

    All else has its default, for it may be searched.
    """
    given = with_preset(setting)
    if not given.get("rungs"):  # then there is no way towards them either
        given.pop("rung_schedule", None)
    keys = [key for key in (*MEASUREMENT_KEYS, "architecture") if key in given]
    return TrialConfig.from_mapping({key: given[key] for key in keys})


def published_points(setting: Mapping[str, Any], objectives: Sequence[Objective]) -> tuple[PublishedPoint, ...]:
    """Give the paper's points for a search's data set, architecture, epsilon and number of attack steps.

    An epsilon of 8/255 counts as the paper's 0.031. There are none unless the first two objectives are the paper's
    two accuracies, nor for a setting without data set or architecture: where these are searched, they are not in it.
    """
    named = {"dataset", "architecture"} <= with_preset(setting).keys()
    if not named or tuple(objective.name for objective in objectives[:2]) != _OBJECTIVES:
        return ()
    ours = measured_with(setting)
    measurement = (ours.dataset, ours.architecture, round(ours.epsilon, 3), ours.eval_attack_steps)
    return tuple(
        PublishedPoint(label, natural, pgd, table.source)
        for table in _TABLES
        if (table.dataset, table.architecture, table.epsilon, table.attack_steps) == measurement
        for label, (natural, pgd) in table.points.items()
    )
