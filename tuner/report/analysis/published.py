"""The paper's own points, as marks beside the front of a search on the same data set.

Yu et al. 2023, doi:10.1016/j.patcog.2022.109054; the figures are in `published.yaml`, beside this file.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from training.config import MEASUREMENT_KEYS, own_value
from training.config.preset_files import with_preset
from training.norms import LINF
from training.yaml_text import read_yaml
from tuner.pareto.objectives import Objective

PUBLISHED_NOTE = (
    "Diamonds are published by Yu et al. 2023, measured on the test set after full training, under epsilon 0.031 "
    "(MNIST: 0.3) in l-infinity; the search's own points are measured on its validation split."
)
_FILE = Path(__file__).with_name("published.yaml")
_OBJECTIVES = ("natural_accuracy", "pgd_accuracy")


@dataclass(frozen=True, slots=True)
class PublishedPoint:
    """One published result: a method or a setting, its accuracies in per cent, and where it is printed."""

    label: str
    natural: float
    pgd: float
    source: str


@dataclass(frozen=True, slots=True)
class _Table:
    """One table's points by label, (natural, PGD) in per cent, and what they were measured with."""

    source: str
    dataset: str
    architecture: str
    epsilon: float
    eval_attack_steps: int
    eval_attack_step_size: float
    points: dict[str, list[float]]


@cache
def _tables() -> tuple[_Table, ...]:
    return tuple(_Table(**table) for table in read_yaml(_FILE))


def by_source(points: Sequence[PublishedPoint]) -> dict[str, list[PublishedPoint]]:
    """Return the points by the table in which they are printed, for a layer of a picture each."""
    return {source: [p for p in points if p.source == source] for source in dict.fromkeys(p.source for p in points)}


def is_named(points: Sequence[PublishedPoint]) -> bool:
    """Return whether a picture has room for the names of the points: for at most five, such as a table of methods."""
    return len(points) < 6


def measured_with(setting: Mapping[str, Any]) -> dict[str, Any]:
    """Return the measurement keys and the architecture of a setting, with defaults for those that it lacks."""
    given = with_preset(setting)
    return {key: own_value(given, key) for key in (*MEASUREMENT_KEYS, "architecture")}


def published_points(setting: Mapping[str, Any], objectives: Sequence[Objective]) -> tuple[PublishedPoint, ...]:
    """Return the paper's points for the data set, architecture, epsilon and attack (steps and their size) of a search.

    They are all in l-infinity and of the last epoch, so a search in l2 or with `select: best` has none. An epsilon of
    8/255 counts as the paper's 0.031. There are none unless the first two objectives are the paper's accuracies, and
    none if the data set or the architecture is searched, and so not in the setting.
    """
    named = {"dataset", "architecture"} <= with_preset(setting).keys()
    if not named or tuple(objective.name for objective in objectives[:2]) != _OBJECTIVES:
        return ()
    ours = measured_with(setting)
    if ours["select"] != "last" or ours["norm"] != LINF:
        return ()
    attack = (round(ours["epsilon"], 3), ours["eval_attack_steps"], ours["eval_attack_step_size"])
    return tuple(
        PublishedPoint(label, natural, pgd, table.source)
        for table in _tables()
        if (table.dataset, table.architecture) == (ours["dataset"], ours["architecture"])
        and (table.epsilon, table.eval_attack_steps, table.eval_attack_step_size) == attack
        for label, (natural, pgd) in table.points.items()
    )
