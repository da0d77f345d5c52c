"""The validated, frozen form of a space file."""

from typing import Annotated, Any, Literal

from optuna.distributions import BaseDistribution, CategoricalDistribution
from pydantic import Field

from training.config import TrialConfig
from training.config_files import with_preset
from tuner.objectives import Objective
from tuner.space.grid import corners, seeds
from tuner.space.parameters import Number, Parameter, Part


class ObjectiveSpec(Part):
    """The direction of one metric, and its coordinate of the hypervolume's reference point."""

    direction: Literal["maximize", "minimize"] = "maximize"
    reference: float = 0.0


class SearchSpec(Part):
    """How many trials, proposed by what. `max_failures` is how often one trial may crash and be retried.

    `points` and `seeds` are for the sampler `grid`: it runs those points, or all combinations of the parameters
    where there are none, each with so many seeds from `seed` on. `trials` is then the whole grid by default.
    """

    sampler: Literal["motpe", "random", "grid"] = "motpe"
    trials: Annotated[int, Field(ge=1)] = 64
    seed: Annotated[int, Field(ge=0)] = 0
    seeds: Annotated[int, Field(ge=1)] = 1
    points: list[dict[str, Number | str]] = Field(default_factory=list)
    start_points: list[dict[str, Number | str]] = Field(default_factory=list)
    max_failures: Annotated[int, Field(ge=0)] = 2


class EarlyStoppingSpec(Part):
    """Multi-objective ASHA: first rung at `grace_epochs`, each next one `reduction_factor` times later."""

    scheduler: Literal["mo_asha", "none"] = "mo_asha"
    grace_epochs: Annotated[int, Field(ge=1)] = 1
    reduction_factor: Annotated[int, Field(ge=2)] = 3


class ResourcesSpec(Part):
    """What one trial occupies; fractions of a GPU let several trials share it."""

    gpus_per_trial: Annotated[float, Field(ge=0)] = 0
    cpus_per_trial: Annotated[float, Field(gt=0)] = 1


class ConfirmSpec(Part):
    """What makes a grid the confirmation of `search`: its trials `trials`, one a point, measured on the test set.

    `images` of the test set, as many of every class, 0 for all. Without `retrain` the trials' own weights are
    measured, from `checkpoints` relative to the folder of all searches.
    """

    search: str
    trials: list[int]
    suite: Literal["quick", "paper", "standard"] = "standard"
    images: Annotated[int, Field(ge=0)] = 0
    retrain: bool = True
    checkpoints: list[str] = Field(default_factory=list)


class Space(Part):
    """Everything that defines a search; equal spaces are equal searches."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
    description: str = ""
    trial: dict[str, Any]
    parameters: Annotated[dict[str, Parameter], Field(min_length=1)]
    objectives: Annotated[dict[str, ObjectiveSpec], Field(min_length=1)]
    search: SearchSpec = SearchSpec()
    early_stopping: EarlyStoppingSpec = EarlyStoppingSpec()
    resources: ResourcesSpec = ResourcesSpec()
    confirm: ConfirmSpec | None = None

    @property
    def epochs(self) -> int:
        """The budget of one trial in epochs."""
        return self.example.epochs

    @property
    def example(self) -> TrialConfig:
        """The configuration of one point; what cannot be searched is the same in all of them."""
        return self.trial_config(next(corners(self)))

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
        searched = {name: parameter.distribution() for name, parameter in self.parameters.items()}
        if self.search.seeds == 1:
            return searched
        return {**searched, "seed": CategoricalDistribution(seeds(self))}

    def trial_config(self, parameters: dict[str, Any]) -> TrialConfig:
        """Give the trainer's configuration of one point.

        All trials share the search's seed, so that they differ by their parameters only, unless a grid has
        several seeds.
        """
        return TrialConfig.from_mapping(with_preset({"seed": self.search.seed, **self.trial, **parameters}))
