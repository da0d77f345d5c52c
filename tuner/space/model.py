"""The validated, frozen form of a space file."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from typing import Annotated, Any

from optuna.distributions import BaseDistribution, CategoricalDistribution
from pydantic import Field

from training.config import TrialConfig, parse_trial
from training.config.preset_files import with_preset
from tuner.pareto.objectives import Objective
from tuner.space import grid
from tuner.space.parameters import Parameter, Part
from tuner.space.sections import ConfirmSpec, EarlyStoppingSpec, ObjectiveSpec, ResourcesSpec, SearchSpec


class Space(Part):
    """Everything that defines a search. Equal spaces define equal searches."""

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
        """The budget of one trial, in epochs."""
        return self.example.epochs

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
        return {**searched, "seed": CategoricalDistribution(grid.seeds(self.search))}

    def grid(self) -> list[dict[str, Any]]:
        """Return every point of the sampler `grid` in the order in which the points run."""
        return grid.points(self.parameters, self.search)

    def corners(self) -> Iterator[dict[str, Any]]:
        """Yield the points at which the rules of the trainer are tried: those of a grid, else the corners."""
        points = self.grid() if self.search.sampler == "grid" else grid.corners(self.parameters)
        return islice(points, grid.MOST_CORNERS)

    def trial_config(self, parameters: dict[str, Any]) -> TrialConfig:
        """Return the trainer's configuration of one point.

        All trials have the seed of the search, so that they differ in their parameters only, unless a grid has
        several seeds. A trainer that does not evaluate after every epoch is told the rungs, to evaluate there too.
        """
        config = parse_trial(with_preset({"seed": self.search.seed, **self.trial, **parameters}))
        rungs = tuple(self.early_stopping.milestones(config.epochs))
        return replace(config, rungs=rungs) if rungs and config.eval_every > 1 else config
