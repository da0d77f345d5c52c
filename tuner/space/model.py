"""The validated, frozen form of a space file, and the keys in which two of them differ."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from itertools import islice, product
from math import prod
from typing import Annotated, Any

from optuna.distributions import BaseDistribution, CategoricalDistribution
from pydantic import Field, ValidationInfo, field_validator

from training.config import TrialConfig, own_value, parse_trial
from training.config.preset_files import with_preset
from training.registry import outside_modules
from tuner.pareto.objectives import Objective
from tuner.space.parameters import CategoricalParameter, FloatParameter, IntParameter, Parameter, Part, from_fraction
from tuner.space.sections import ConfirmSpec, EarlyStoppingSpec, ObjectiveSpec, ResourcesSpec, SearchSpec

# A space has 2^parameters corners. Beyond this number the rules of the trainer are not tried.
MOST_CORNERS = 4096
# A grid is listed as a whole.
MOST_POINTS = 1_000_000
# These keys change how much is searched and where, but not what the result of a trial means.
_FREE = (
    "search.trials",
    "search.max_failures",
    "search.max_epochs",
    "search.patience",
    "resources.",
    "trial.data_root",
    "description",
)


class Space(Part):
    """Everything that defines a search. Equal spaces define equal searches."""

    # With the number of a search it names a folder, for which file systems allow 255 bytes.
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=80)]
    description: str = ""
    imports: tuple[str, ...] = ()
    trial: dict[str, Any]
    parameters: Annotated[dict[str, Parameter], Field(min_length=1)]
    objectives: Annotated[dict[str, ObjectiveSpec], Field(min_length=1)]
    search: SearchSpec = SearchSpec()
    early_stopping: EarlyStoppingSpec = EarlyStoppingSpec()
    resources: ResourcesSpec = ResourcesSpec()
    confirm: ConfirmSpec | None = None

    @field_validator("search")
    @classmethod
    def _fractions_of_points(cls, search: SearchSpec, info: ValidationInfo) -> SearchSpec:
        """Convert fractions in points, where the parameter is a real number; other texts are names, or faults."""
        real = {name for name, parameter in info.data.get("parameters", {}).items() if parameter.type == "float"}

        def converted(point: dict[str, Any]) -> dict[str, Any]:
            for name in real & point.keys():
                with suppress(ValueError):
                    point = {**point, name: from_fraction(point[name])}
            return point

        points = {key: [converted(point) for point in getattr(search, key)] for key in ("points", "start_points")}
        return search.model_copy(update=points)

    @property
    def epochs(self) -> int:
        """The budget of one trial, in epochs."""
        epochs: int = self.shared("epochs")
        return epochs

    def shared(self, key: str) -> Any:
        """Return the value of a key that all trials have and that cannot be searched, without loading the trainer."""
        return own_value(with_preset({**self.trial, **next(self.corners())}), key)

    @property
    def outside_modules(self) -> list[str]:
        """The modules from outside that the space imports, or whose classes and functions it names."""
        choices = [value for parameter in self.parameters.values() for value in parameter.extremes().values()]
        return list(dict.fromkeys([*self.imports, *outside_modules([*self.trial.values(), *choices])]))

    @property
    def rung_epochs(self) -> tuple[int, ...]:
        """The epochs after which trials are compared before their end."""
        return tuple(self.early_stopping.milestones(self.epochs))

    @property
    def example(self) -> TrialConfig:
        """The configuration of one point. Keys that cannot be searched are the same in all points."""
        return self.trial_config(next(self.corners()))

    @property
    def objective_list(self) -> tuple[Objective, ...]:
        """The objectives in the order of the file."""
        return tuple(Objective(n, o.direction == "maximize", o.limit) for n, o in self.objectives.items())

    @property
    def reference(self) -> dict[str, float]:
        """The reference point of the hypervolume, in the units of the metrics."""
        return {name: objective.reference for name, objective in self.objectives.items()}

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
        points = [dict(point) for point in self.search.points] or list(self._combinations(_values))
        if self.search.seeds == 1:
            return points
        return [{**point, "seed": seed} for seed in self._seeds() for point in points]

    def grid_size(self) -> int:
        """Return the number of points of `grid`, without listing them. No parameter of a grid is a real range."""
        return (len(self.search.points) or prod(map(_count, self.parameters.values()))) * self.search.seeds

    def point_index(self, parameters: Mapping[str, Any]) -> int:
        """Return which of `search.points` a trial of a grid has; its seed may be another parameter."""
        return next(i for i, point in enumerate(self.search.points) if point.items() <= parameters.items())

    def corners(self) -> Iterator[dict[str, Any]]:
        """Yield the points at which the rules of the trainer are tried: those of a grid, else the corners.

        A corner combines ends of the ranges with choices.
        """
        is_grid = self.search.sampler == "grid"
        points = self.grid() if is_grid else self._combinations(lambda parameter: parameter.extremes().values())
        return islice(points, MOST_CORNERS)

    @property
    def _always(self) -> dict[str, Any]:
        return {"seed": self.search.seed, **({"imports": list(self.imports)} if self.imports else {})}

    def _seeds(self) -> list[int]:
        return [self.search.seed + offset for offset in range(self.search.seeds)]

    def _combinations(self, values: Callable[[Parameter], Iterable[Any]]) -> Iterator[dict[str, Any]]:
        for point in product(*map(values, self.parameters.values())):
            yield dict(zip(self.parameters, point, strict=True))

    def trial_config(self, parameters: dict[str, Any]) -> TrialConfig:
        """Return the trainer's configuration of one point.

        All trials have the seed of the search, so that they differ in their parameters only, unless a grid has
        several seeds. A trainer that does not evaluate after every epoch is told the rungs, to evaluate there too.
        """
        config = parse_trial(with_preset({**self._always, **self.trial, **parameters}))
        rungs = tuple(self.early_stopping.milestones(config.epochs))
        return replace(config, rungs=rungs) if rungs and config.eval_every > 1 else config


def differing_keys(recorded: Space, asked: Space) -> dict[str, tuple[Any, Any]]:
    """Return the keys that differ with both values, without the keys that may change on resume."""
    before, after = dict(_flat(_whole(recorded))), dict(_flat(_whole(asked)))
    return {
        key: (before.get(key, "absent"), after.get(key, "absent"))
        for key in sorted(before.keys() | after.keys())
        if before.get(key) != after.get(key) and not key.startswith(_FREE)
    }


def in_recorded_order(recorded: Space, asked: Space) -> Space:
    """Return an equal space with parameters and objectives in the recorded order.

    The values in the ledger, the proposals and the points of a grid depend on that order.
    """
    parameters = {name: asked.parameters[name] for name in recorded.parameters}
    objectives = {name: asked.objectives[name] for name in recorded.objectives}
    return asked.model_copy(update={"parameters": parameters, "objectives": objectives})


def _whole(space: Space) -> dict[str, Any]:
    """Return a space with the defaults of the trainer filled in, so that writing a default into the file is no change.

    An absent seed is the search's seed. If presets are searched, an absent key has the value of the preset.
    """
    mapping = space.model_dump(mode="json")
    if "preset" in space.parameters:
        return mapping
    elsewhere = {"seed", *space.parameters}
    defaults = {key: value for key, value in space.example.to_mapping().items() if key not in elsewhere}
    return {**mapping, "trial": {**defaults, **mapping["trial"]}}


def _flat(value: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _flat(item, f"{prefix}.{key}" if prefix else str(key))
    else:
        yield prefix, value


def _values(parameter: Parameter) -> list[Any]:
    """List all values. A real range has no such list; the check of the space reports that first."""
    if isinstance(parameter, CategoricalParameter):
        return list(parameter.choices)
    if isinstance(parameter, FloatParameter):
        return []
    return list(range(parameter.low, parameter.high + 1))


def _count(parameter: Parameter) -> int:
    """Return the number of values of a parameter that is no real range."""
    return parameter.high - parameter.low + 1 if isinstance(parameter, IntParameter) else len(_values(parameter))
