"""The methods to compare: the project's default, what users would otherwise run, and variants of the default."""

import os
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

from benchmarks.search_quality.other_package import OtherPackage
from benchmarks.search_quality.scale import Scale
from benchmarks.search_quality.searchers import (
    MeanSearch,
    OptunaSearch,
    OwnSearch,
    Searcher,
    SyneTuneSearch,
    optuna_sampler,
    space_of,
)
from benchmarks.search_quality.tasks import Task

_OTHERS = "benchmarks.search_quality.competitors"
Method = Callable[[Task, Scale, int], Searcher]


def _own(search: dict[str, Any], early_stopping: dict[str, Any], task: Task, _: Scale, seed: int) -> Searcher:
    return OwnSearch(space_of(task, {**search, "seed": seed}, early_stopping))


def _optuna(name: str, task: Task, _: Scale, seed: int) -> Searcher:
    return OptunaSearch(task, optuna_sampler(name, seed))


def _mean(task: Task, scale: Scale, seed: int) -> Searcher:
    return MeanSearch(task, scale, seed)


def _syne_tune(task: Task, _: Scale, seed: int) -> Searcher:
    return SyneTuneSearch(task, seed)


def _ax(task: Task, _: Scale, seed: int) -> Searcher:
    return OtherPackage(f"{_OTHERS}.ax_search", sys.executable, task, seed)


def _elsewhere(module: str, task: Task, _: Scale, seed: int) -> Searcher:
    """Return a search of a package that needs older packages than this project: it has an environment of its own."""
    return OtherPackage(f"{_OTHERS}.{module}", os.environ.get("COMPETITORS_PYTHON", sys.executable), task, seed)


# What a space does that names neither a sampler nor a scheduler.
DEFAULT = "tuner (default)"
MOTPE_MO_ASHA = "MOTPE + MO-ASHA"
YARDSTICK = "random, full trainings"
RANDOM_MO_ASHA = "random + MO-ASHA"
FULL_MOTPE = "Optuna MOTPE, full trainings"

COMPETITORS: dict[str, Method] = {
    DEFAULT: partial(_own, {}, {}),
    MOTPE_MO_ASHA: partial(_own, {"sampler": "motpe"}, {"scheduler": "mo_asha"}),
    RANDOM_MO_ASHA: partial(_own, {"sampler": "random"}, {"scheduler": "mo_asha"}),
    "TPE + ASHA on the mean": _mean,
    "Syne Tune MOASHA": _syne_tune,
    FULL_MOTPE: partial(_optuna, "motpe"),
    "Optuna NSGA-II, full trainings": partial(_optuna, "nsga2"),
    "Optuna GPSampler, full trainings": partial(_optuna, "gp"),
    "Ax, full trainings": _ax,
    "SMAC3": partial(_elsewhere, "smac_search"),
    "NePS PriMO": partial(_elsewhere, "neps_search"),
    YARDSTICK: partial(_own, {"sampler": "random"}, {"scheduler": "none"}),
}
VARIANTS: dict[str, Method] = {
    "nsga2 + MO-ASHA": partial(_own, {"sampler": "nsga2"}, {"scheduler": "mo_asha"}),
    "gp + MO-ASHA": partial(_own, {"sampler": "gp"}, {"scheduler": "mo_asha"}),
    "forecast + MO-ASHA": partial(_own, {"sampler": "forecast"}, {"scheduler": "mo_asha"}),
    "motpe + forecast": partial(_own, {"sampler": "motpe"}, {"scheduler": "forecast"}),
    "forecast, full trainings": partial(_own, {"sampler": "forecast"}, {"scheduler": "none"}),
}
METHODS = {**COMPETITORS, **VARIANTS}
# The methods that use the forecast, and those that run in another package's process.
FORECASTING = {DEFAULT, "forecast + MO-ASHA", "motpe + forecast", "forecast, full trainings"}
OF_OTHER_PACKAGES = {"Ax, full trainings", "SMAC3", "NePS PriMO"}
