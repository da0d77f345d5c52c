"""The content of a space file, and the points that it searches: the grid, the corners, and how many there are."""

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Annotated, Any

from optuna.distributions import BaseDistribution, CategoricalDistribution
from pydantic import Field, ValidationInfo, field_validator

from tuner.space.chosen_names import CHOOSING_KEYS
from tuner.space.conditions import Conditions, combinations, count_points, named_values
from tuner.space.fractions import with_numbers, with_numbers_in_conditions
from tuner.space.parameters import Parameter, Part
from tuner.space.sections import (
    ConfirmSpec,
    ConstraintSpec,
    EarlyStoppingSpec,
    ObjectiveSpec,
    ResourcesSpec,
    SearchSpec,
    with_defaults_of_metric,
)

# A space has 2^parameters corners. Beyond this number the rules of the trainer are not tried.
MOST_CORNERS = 4096
# The key that ends a trial before its schedules do: in a confirmation it is a parameter.
STOP_AFTER = "stop_after"
# A grid is listed as a whole.
MOST_POINTS = 1_000_000


class SearchedPoints(Part):
    """The content of a space file. A point is a value for each parameter that a trial has."""

    # With the number of a search it names a folder, for which file systems allow 255 bytes.
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=80)]
    description: str = ""
    imports: tuple[str, ...] = ()
    trial: dict[str, Any]
    parameters: Annotated[dict[str, Parameter], Field(min_length=1)]
    objectives: Annotated[dict[str, ObjectiveSpec], Field(min_length=1)]
    constraints: dict[str, ConstraintSpec] = Field(default_factory=dict)
    search: SearchSpec = SearchSpec()
    early_stopping: EarlyStoppingSpec = EarlyStoppingSpec()
    resources: ResourcesSpec = ResourcesSpec()
    confirm: ConfirmSpec | None = None
    # A line for the shell: `tuner.steering.on_event` says when it runs. It has no part in what a search finds.
    on_event: Annotated[str, Field(min_length=1)] | None = None

    @field_validator("objectives", mode="before")
    @classmethod
    def _defaults_of_metrics(cls, objectives: Any) -> Any:
        """Add the direction and the reference point of its metric to each objective that the file gives none."""
        if not isinstance(objectives, dict):
            return objectives
        return {
            name: with_defaults_of_metric(str(name), spec) if isinstance(spec, dict) else spec
            for name, spec in objectives.items()
        }

    @field_validator("parameters")
    @classmethod
    def _fractions_of_conditions(cls, parameters: dict[str, Parameter]) -> dict[str, Parameter]:
        return with_numbers_in_conditions(parameters)

    @field_validator("search")
    @classmethod
    def _fractions_of_points(cls, search: SearchSpec, info: ValidationInfo) -> SearchSpec:
        parameters: dict[str, Parameter] = info.data.get("parameters", {})
        sections = ("points", "start_points")
        points = {key: [with_numbers(point, parameters) for point in getattr(search, key)] for key in sections}
        return search.model_copy(update=points)

    @property
    def conditions(self) -> Conditions:
        """The parameters that are not searched in every trial, each with what other parameters must have.

        A condition on a fixed key is left out: the check of the space refuses one that does not hold.
        """
        named = {name: {o: v for o, v in p.when.items() if o in self.parameters} for name, p in self.parameters.items()}
        return {name: condition for name, condition in named.items() if condition}

    def key_of(self, name: str) -> str:
        """Return the key of a configuration that a parameter sets. A grid with several seeds has one for the seed."""
        return (self.parameters[name].key or name) if name in self.parameters else name

    def names_of(self, key: str) -> list[str]:
        """Return the parameters that set a key."""
        return [name for name in self.parameters if self.key_of(name) == key]

    def distributions(self) -> dict[str, BaseDistribution]:
        """Return Optuna's form of the searched parameters."""
        searched = {name: parameter.distribution() for name, parameter in self.parameters.items()}
        if self.search.seeds == 1:
            return searched
        return {**searched, "seed": CategoricalDistribution(self._seeds())}

    def grid(self) -> list[dict[str, Any]]:
        """Return every point of the sampler `grid`, with every seed, in the order in which the points run.

        All points with the first seed come first, so an interrupted grid holds complete tables of fewer seeds. The last
        parameter varies fastest.
        """
        points = [dict(point) for point in self.search.points] or list(
            self._combinations({name: p.values() for name, p in self.parameters.items()})
        )
        if self.search.seeds == 1:
            return points
        return [{**point, "seed": seed} for seed in self._seeds() for point in points]

    def grid_size(self) -> int:
        """Return the number of points of `grid`, without listing them. Every parameter of a grid has a count."""
        return (len(self.search.points) or round(self.count_points())) * self.search.seeds

    def count_points(self) -> float:
        """Return the number of points of the space; infinity if a parameter is a real range without a step."""
        counts = {name: math.inf if p.count is None else p.count for name, p in self.parameters.items()}
        return count_points(counts, self.conditions)

    def point_index(self, parameters: Mapping[str, Any]) -> int:
        """Return which of `search.points` a trial of a grid has; its seed may be another parameter."""
        return next(i for i, point in enumerate(self.search.points) if point.items() <= parameters.items())

    def corners(self) -> Iterator[dict[str, Any]]:
        """Yield the points at which the rules of the trainer are tried: those of a grid, else the corners.

        A corner combines ends of the ranges, choices, and values that a condition names. One of each branch comes
        first, because there may be more corners than are tried.
        """
        if self.search.sampler == "grid":
            return islice(self.grid(), MOST_CORNERS)
        first = list(self.branches())
        others = (point for point in self._combinations(self._extremes()) if point not in first)
        return islice(chain(first, others), MOST_CORNERS)

    def branches(self) -> Iterator[dict[str, Any]]:
        """Yield a corner for each set of keys that a trial can have: other parameters keep their first value."""
        names = {*CHOOSING_KEYS, *(other for condition in self.conditions.values() for other in condition)}
        chosen = {
            name: values if {name, self.key_of(name)} & names else values[:1]
            for name, values in self._extremes().items()
        }
        return islice(self._combinations(chosen), MOST_CORNERS)

    def _extremes(self) -> dict[str, list[Any]]:
        return {
            name: list(dict.fromkeys([*p.extremes().values(), *named_values(name, self.conditions)]))
            for name, p in self.parameters.items()
        }

    def _seeds(self) -> list[int]:
        return [self.search.seed + offset for offset in range(self.search.seeds)]

    def _combinations(self, values: Mapping[str, Sequence[Any]]) -> Iterator[dict[str, Any]]:
        return combinations(values, self.conditions)
