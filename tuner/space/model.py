"""The validated, frozen form of a space file, and the keys in which two of them differ."""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import chain, islice
from typing import Annotated, Any

from optuna.distributions import BaseDistribution, CategoricalDistribution
from pydantic import Field, ValidationInfo, field_validator

from training.config import TrialConfig, computed_metrics, defaults_of, own_value, parse_trial
from training.config.preset_files import with_preset
from training.registry import outside_modules
from tuner.pareto.objectives import Objective
from tuner.space.chosen_names import CHOOSING_KEYS, used_keys
from tuner.space.conditions import Conditions, combinations, count_points, named_values
from tuner.space.parameters import Parameter, Part, from_fraction, takes_numbers
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
    "trial.metrics",
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
    constraints: dict[str, ConstraintSpec] = Field(default_factory=dict)
    search: SearchSpec = SearchSpec()
    early_stopping: EarlyStoppingSpec = EarlyStoppingSpec()
    resources: ResourcesSpec = ResourcesSpec()
    confirm: ConfirmSpec | None = None

    @field_validator("objectives", mode="before")
    @classmethod
    def _defaults_of_metrics(cls, objectives: Any) -> Any:
        """Give each objective the direction and the reference point of its metric, where the file has none."""
        if not isinstance(objectives, dict):
            return objectives
        return {
            name: with_defaults_of_metric(str(name), spec) if isinstance(spec, dict) else spec
            for name, spec in objectives.items()
        }

    @field_validator("search")
    @classmethod
    def _fractions_of_points(cls, search: SearchSpec, info: ValidationInfo) -> SearchSpec:
        """Convert fractions in points, where the parameter is a real number; other texts are names, or faults."""
        parameters: dict[str, Parameter] = info.data.get("parameters", {})
        real = {name for name, parameter in parameters.items() if takes_numbers(parameter)}

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
        # Only a preset can decide such a key; a grid need not be listed for anything else.
        corner = next(self.corners()) if self.names_of("preset") else {}
        searched = {self.key_of(name): value for name, value in corner.items()}
        return own_value(with_preset({**self.trial, **searched}), key)

    @property
    def trial_modules(self) -> list[str]:
        """The modules from outside that decide what the trials learn and measure: imported ones, and those of names."""
        choices = [value for parameter in self.parameters.values() for value in parameter.extremes().values()]
        named = [*self.trial.values(), *choices, *self.objectives, *self.constraints]
        return list(dict.fromkeys([*self.imports, *outside_modules(named)]))

    @property
    def outside_modules(self) -> list[str]:
        """All modules from outside: those of the trials, of a confirmation's attacks, and of the sampler."""
        attacks = self.confirm.attacks if self.confirm is not None else []
        return list(dict.fromkeys([*self.trial_modules, *outside_modules([*attacks, self.search.sampler])]))

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
    def constraint_list(self) -> tuple[Objective, ...]:
        """The constraints as objectives that are not optimised: one for each `at_least` and each `at_most`."""
        sides = [(name, side) for name, spec in self.constraints.items() for side in _sides(spec)]
        return tuple(Objective(name, *side) for name, side in sides)

    @property
    def criteria(self) -> tuple[Objective, ...]:
        """All by which trials are compared: the objectives, then the constraints."""
        return (*self.objective_list, *self.constraint_list)

    @property
    def reference(self) -> dict[str, float]:
        """The reference point of the hypervolume, in the units of the metrics."""
        return {name: objective.reference for name, objective in self.objectives.items()}

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

    @property
    def _always(self) -> dict[str, Any]:
        return {"seed": self.search.seed, **({"imports": list(self.imports)} if self.imports else {})}

    def _seeds(self) -> list[int]:
        return [self.search.seed + offset for offset in range(self.search.seeds)]

    def _combinations(self, values: Mapping[str, Sequence[Any]]) -> Iterator[dict[str, Any]]:
        return combinations(values, self.conditions)

    def given_keys(self, point: Mapping[str, Any]) -> dict[str, Any]:
        """Return the keys that a point and `trial` give to its trial, not those of names it does not choose."""
        searched = {self.key_of(name): value for name, value in point.items()}
        possible = {self.key_of(name): self._possible_values(self.key_of(name)) for name in self.parameters}
        return {**used_keys(self.trial, searched, possible), **searched}

    def _possible_values(self, key: str) -> list[Any]:
        """Return the values that a searched key has in some trial; of ranges, which choose no names, none."""
        found: list[Any] = []
        names = self.names_of(key)
        for parameter in map(self.parameters.__getitem__, names):
            found += parameter.choices if parameter.type == "categorical" else []
        if all(name in self.conditions for name in names):  # where no condition holds
            found += [self.trial[key]] if key in self.trial else defaults_of(key)
        return found

    def trial_config(self, parameters: Mapping[str, Any]) -> TrialConfig:
        """Return the trainer's configuration of one point.

        All trials have the seed of the search, so that they differ in their parameters only, unless a grid has
        several seeds. A trainer that does not evaluate after every epoch is told the rungs, to evaluate there too. It
        is told the metrics of objectives and constraints, to measure them.
        """
        config = parse_trial(with_preset({**self._always, **self.given_keys(parameters)}))
        config = replace(config, metrics=computed_metrics([*config.metrics, *self.objectives, *self.constraints]))
        rungs = tuple(self.early_stopping.milestones(config.epochs))
        return replace(config, rungs=rungs) if rungs and config.eval_every > 1 else config

    def defaults(self) -> dict[str, Any]:
        """Return the keys that nothing in the space gives a value, with the trainer's defaults.

        A key with different defaults in different trials is left out; with a searched preset, all are.
        """
        if self.names_of("preset"):
            return {}
        found: dict[str, list[Any]] = {}
        for branch in self.branches():
            for key, value in self.trial_config(branch).to_mapping().items():
                if value not in (values := found.setdefault(key, [])):
                    values.append(value)
        elsewhere = {*self.trial, *map(self.key_of, self.parameters)}
        return {key: values[0] for key, values in found.items() if len(values) == 1 and key not in elsewhere}


def differing_keys(recorded: Space, asked: Space) -> dict[str, tuple[Any, Any]]:
    """Return the keys that differ with both values, without the keys that may change on resume."""
    before, after = dict(_flat(_whole(recorded))), dict(_flat(_whole(asked)))
    return {
        key: (before.get(key, "absent"), after.get(key, "absent"))
        for key in sorted(before.keys() | after.keys())
        if before.get(key) != after.get(key) and not key.startswith(_FREE)
    }


def in_recorded_order(recorded: Space, asked: Space) -> Space:
    """Return an equal space with parameters, objectives and constraints in the recorded order.

    The values in the ledger, the proposals and the points of a grid depend on that order.
    """
    parameters = {name: asked.parameters[name] for name in recorded.parameters}
    objectives = {name: asked.objectives[name] for name in recorded.objectives}
    constraints = {name: asked.constraints[name] for name in recorded.constraints}
    changes = {"parameters": parameters, "objectives": objectives, "constraints": constraints}
    return asked.model_copy(update=changes)


def _sides(spec: ConstraintSpec) -> list[tuple[bool, float]]:
    """Return (whether it is maximised, its limit) for each side on which a constraint limits a metric."""
    found = [(True, spec.at_least), (False, spec.at_most)]
    return [(maximise, limit) for maximise, limit in found if limit is not None]


def _whole(space: Space) -> dict[str, Any]:
    """Return a space with the defaults of the trainer filled in, so that writing a default into the file is no change.

    An absent seed is the search's seed. If presets are searched, an absent key has the value of the preset.
    """
    mapping = space.model_dump(mode="json")
    defaults = {key: value for key, value in space.defaults().items() if key != "seed"}
    return {**mapping, "trial": {**defaults, **mapping["trial"]}}


def _flat(value: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _flat(item, f"{prefix}.{key}" if prefix else str(key))
    else:
        yield prefix, value
