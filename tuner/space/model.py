"""The validated, frozen form of a space file."""

from itertools import islice, product
from typing import Annotated, Any, Literal, Self

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from training.config import MEASUREMENT_KEYS, METRICS, TRIAL_KEYS, ConfigError, TrialConfig
from tuner.objectives import Objective

Number = int | float

# A space has 2^parameters corners; beyond these the trainer's rules between settings are taken on trust.
_MOST_CORNERS = 4096


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=False, allow_inf_nan=False)


class _Range(_Part):
    log: bool = False

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        low, high = float(getattr(self, "low")), float(getattr(self, "high"))  # noqa: B009 - of the subclasses
        if low >= high:
            raise ValueError(f"low is {low:g} and high is {high:g}, but low must be below high")
        if self.log and low <= 0:
            raise ValueError(f"low is {low:g}, but must be above 0 on a logarithmic scale (log: true)")
        return self


class FloatParameter(_Range):
    """A real number in [low, high]."""

    type: Literal["float"]
    low: float
    high: float

    def distribution(self) -> BaseDistribution:
        """Give Optuna's form of this range."""
        return FloatDistribution(self.low, self.high, log=self.log)

    @property
    def rule(self) -> str:
        """What a value must be, for error messages."""
        return f"a number from {self.low:g} to {self.high:g}"

    def extremes(self) -> dict[str, Any]:
        """Give the values to be checked against the trainer's own rules, by their key in the file."""
        return {"low": self.low, "high": self.high}


class IntParameter(_Range):
    """An integer in [low, high]."""

    type: Literal["int"]
    low: int
    high: int

    def distribution(self) -> BaseDistribution:
        """Give Optuna's form of this range."""
        return IntDistribution(self.low, self.high, log=self.log)

    @property
    def rule(self) -> str:
        """What a value must be, for error messages."""
        return f"an integer from {self.low} to {self.high}"

    def extremes(self) -> dict[str, Any]:
        """Give the values to be checked against the trainer's own rules, by their key in the file."""
        return {"low": self.low, "high": self.high}


class CategoricalParameter(_Part):
    """One of a list of numbers or of names."""

    type: Literal["categorical"]
    choices: Annotated[list[Number] | list[str], Field(min_length=2)]

    @field_validator("choices", mode="before")
    @classmethod
    def _alike(cls, choices: Any) -> Any:
        kinds = {type(choice) for choice in choices} if isinstance(choices, list) else set()
        if not (kinds <= {int, float} or kinds == {str}):
            raise ValueError(
                f"choices are {choices}, but must be all numbers or all names (YAML takes 1e-3 for a name: "
                "write 1.0e-3)"
            )
        return choices

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        if len(set(self.choices)) < len(self.choices):
            raise ValueError(f"choices are {self.choices}, but must be distinct")
        return self

    def distribution(self) -> BaseDistribution:
        """Give Optuna's form of these choices."""
        return CategoricalDistribution(self.choices)

    @property
    def rule(self) -> str:
        """What a value must be, for error messages."""
        return f"one of {', '.join(map(str, self.choices))}"

    def extremes(self) -> dict[str, Any]:
        """Give the values to be checked against the trainer's own rules, by their key in the file."""
        return {f"choices.{index}": choice for index, choice in enumerate(self.choices)}


Parameter = Annotated[FloatParameter | IntParameter | CategoricalParameter, Field(discriminator="type")]


class ObjectiveSpec(_Part):
    """The direction of one metric, and its coordinate of the hypervolume's reference point."""

    direction: Literal["maximize", "minimize"] = "maximize"
    reference: float = 0.0


class SearchSpec(_Part):
    """How many trials, proposed by what. `max_failures` is how often one trial may crash and be retried."""

    sampler: Literal["motpe", "random"] = "motpe"
    trials: Annotated[int, Field(ge=1)] = 64
    seed: Annotated[int, Field(ge=0)] = 0
    start_points: list[dict[str, Number | str]] = []
    max_failures: Annotated[int, Field(ge=0)] = 2


class EarlyStoppingSpec(_Part):
    """Multi-objective ASHA: first rung at `grace_epochs`, each next one `reduction_factor` times later."""

    scheduler: Literal["mo_asha", "none"] = "mo_asha"
    grace_epochs: Annotated[int, Field(ge=1)] = 1
    reduction_factor: Annotated[int, Field(ge=2)] = 3


class ResourcesSpec(_Part):
    """What one trial occupies; fractions of a GPU let several trials share it."""

    gpus_per_trial: Annotated[float, Field(ge=0)] = 0
    cpus_per_trial: Annotated[float, Field(gt=0)] = 1


class Space(_Part):
    """Everything that defines a search; equal spaces are equal searches."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
    description: str = ""
    trial: dict[str, Any]
    parameters: Annotated[dict[str, Parameter], Field(min_length=1)]
    objectives: Annotated[dict[str, ObjectiveSpec], Field(min_length=1)]
    search: SearchSpec = SearchSpec()
    early_stopping: EarlyStoppingSpec = EarlyStoppingSpec()
    resources: ResourcesSpec = ResourcesSpec()

    @property
    def epochs(self) -> int:
        """The budget of one trial in epochs."""
        return self.trial_config({}).epochs

    @property
    def objective_list(self) -> tuple[Objective, ...]:
        """The objectives in the file's order."""
        return tuple(Objective(n, o.direction == "maximize") for n, o in self.objectives.items())

    @property
    def reference(self) -> dict[str, float]:
        """The hypervolume's reference point, in the metrics' own units."""
        return {name: objective.reference for name, objective in self.objectives.items()}

    def distributions(self) -> dict[str, BaseDistribution]:
        """Give Optuna's form of the searched parameters."""
        return {name: parameter.distribution() for name, parameter in self.parameters.items()}

    def trial_config(self, parameters: dict[str, Any]) -> TrialConfig:
        """Give the trainer's configuration of one point. All trials share the search's seed, so that they
        differ by their parameters only.
        """
        return TrialConfig.from_mapping({"seed": self.search.seed, **self.trial, **parameters})


def cross_problems(space: Space) -> list[tuple[str, str]]:
    """Find what single fields cannot show: the trainer's rules, unknown metrics, start points outside.

    Returns (path in the file, message) pairs; an empty list says that the space can be searched.
    """
    problems = [
        (f"objectives.{name}", f"no trial reports this metric; the known ones are {', '.join(METRICS)}")
        for name in space.objectives
        if name not in METRICS
    ]
    problems += [
        (f"trial.{name}", "fixed and searched at once; keep it either here or under parameters")
        for name in space.parameters
        if name in space.trial
    ]
    problems += [
        (f"parameters.{name}", "changes what is measured and makes trials incomparable; put it under trial")
        for name in space.parameters
        if name in MEASUREMENT_KEYS
    ]
    fixed = {key: value for key, value in space.trial.items() if key not in space.parameters}
    problems += trial_problems(fixed)
    if not problems:
        problems += _parameter_problems(space, fixed)
    for index, point in enumerate(space.search.start_points):
        problems += _start_point_problems(space, point, f"search.start_points.{index}")
    return problems


def trial_problems(trial: dict[str, Any]) -> list[tuple[str, str]]:
    """Find where a space's `trial` breaks the trainer's rules, as (path in the file, message) pairs."""
    try:
        TrialConfig.from_mapping(trial)
    except ConfigError as error:
        return [(f"trial.{key}", message) for key, message in error.problems]
    return []


def _parameter_problems(space: Space, fixed: dict[str, Any]) -> list[tuple[str, str]]:
    """Try the ends of all ranges and all choices, combined: the trainer has rules between settings, too."""
    problems = []
    extremes = {}
    for name, parameter in space.parameters.items():
        if name in TRIAL_KEYS:
            extremes[name] = parameter.extremes().items()
        else:
            problems += [(f"parameters.{name}", message) for _, message in trial_problems({name: None})]
    for corner in islice(product(*extremes.values()), _MOST_CORNERS):
        values = dict(zip(extremes, corner, strict=True))
        try:
            TrialConfig.from_mapping({**fixed, **{name: value for name, (_, value) in values.items()}})
        except ConfigError as error:
            problems += [
                (f"parameters.{name}.{values[name][0]}" if name in values else f"trial.{name}", message)
                for name, message in error.problems
            ]
    return list(dict.fromkeys(problems))


def _start_point_problems(space: Space, point: dict[str, Any], path: str) -> list[tuple[str, str]]:
    problems = []
    for name, value in point.items():
        if name not in space.parameters:
            known = ", ".join(space.parameters)
            problems.append((f"{path}.{name}", f"not a searched parameter; those are {known}"))
            continue
        distribution = space.parameters[name].distribution()
        try:
            inside = distribution._contains(distribution.to_internal_repr(value))  # noqa: SLF001
        except (ValueError, TypeError):
            inside = False
        if not inside:
            problems.append((f"{path}.{name}", f"the value is {value!r}, but must be {space.parameters[name].rule}"))
    return problems
