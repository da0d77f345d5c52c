"""The paper's own points, as marks beside the front of a search on the same data set.

Yu et al. 2023, doi:10.1016/j.patcog.2022.109054; the figures are in `published.yaml`, beside this file.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, PositiveInt, TypeAdapter

from training.config import MEASUREMENT_KEYS, TrialConfig, parse_trial
from training.config.preset_files import with_preset
from tuner.pareto.objectives import Objective

PUBLISHED_NOTE = (
    "Diamonds are published by Yu et al. 2023, measured on the test set after full training, under epsilon 0.031 "
    "(MNIST: 0.3); the search's own points are measured on its validation split."
)
_FILE = Path(__file__).with_name("published.yaml")
_Percent = Annotated[float, Field(ge=0, le=100)]
_OBJECTIVES = ("natural_accuracy", "pgd_accuracy")


@dataclass(frozen=True, slots=True)
class PublishedPoint:
    """One published result: a method or a setting, its accuracies in per cent, and where it is printed."""

    label: str
    natural: float
    pgd: float
    source: str


class _Table(BaseModel):
    """One table's points by label, (natural, PGD) in per cent, and what they were measured with."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: str
    dataset: str
    architecture: str
    epsilon: Annotated[float, Field(gt=0, lt=1)]
    eval_attack_steps: PositiveInt
    points: dict[str, tuple[_Percent, _Percent]]


@cache
def _tables() -> tuple[_Table, ...]:
    """Read and check the data file once."""
    return TypeAdapter(tuple[_Table, ...]).validate_python(yaml.safe_load(_FILE.read_text(encoding="utf-8")))


def is_named(points: Sequence[PublishedPoint]) -> bool:
    """Return whether a picture has room for the names of the points: for at most five, such as a table of methods."""
    return len(points) < 6


def measured_with(setting: Mapping[str, Any]) -> TrialConfig:
    """Complete a setting in what final values depend on to be compared: the measurement's keys and the architecture.

    All else has its default, for it may be searched.
    """
    given = with_preset(setting)
    keys = [key for key in (*MEASUREMENT_KEYS, "architecture") if key in given]
    return parse_trial({key: given[key] for key in keys})


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
        for table in _tables()
        if (table.dataset, table.architecture, table.epsilon, table.eval_attack_steps) == measurement
        for label, (natural, pgd) in table.points.items()
    )
