"""The validated, frozen form of a space file."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated, Any

from optuna.distributions import BaseDistribution, CategoricalDistribution
from pydantic import Field

from training.config import TrialConfig
from training.config.preset_files import with_preset
from training.trainer.rung_schedules import branched_epochs, compared_after, total_epochs
from tuner.pareto.objectives import Objective
from tuner.space import grid
from tuner.space.parameters import Parameter, Part
from tuner.space.sections import ConfirmSpec, EarlyStoppingSpec, ObjectiveSpec, ResourcesSpec, SearchSpec


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
        """All that one trial trains, in epochs; branches come on top."""
        return total_epochs(self.example)

    @property
    def rung_epochs(self) -> tuple[int, ...]:
        """The epochs after which trials are compared before their end."""
        if self.early_stopping.rung_schedule == "as_is":
            return tuple(self.early_stopping.milestones(self.epochs))
        return compared_after(self.example)

    @property
    def most_epochs(self) -> int:
        """What one trial costs at most, in epochs, branches included."""
        if self.early_stopping.rung_schedule == "as_is":
            return self.epochs
        return self.epochs + branched_epochs(self.example, self.epochs)

    @property
    def example(self) -> TrialConfig:
        """The configuration of one point; what cannot be searched is the same in all of them."""
        return self.trial_config(next(self.corners()))

    @property
    def setting(self) -> dict[str, Any]:
        """What is the same in all trials, and what it takes to say with which others their final values compare.

        Of the ways towards a rung only `continue` trains another model than one whole schedule.
        """
        if self.early_stopping.rung_schedule != "continue":
            return dict(self.trial)
        return {**self.trial, "rung_schedule": "continue", "rungs": list(self.rung_epochs)}

    @property
    def objective_list(self) -> tuple[Objective, ...]:
        """The objectives in the file's order."""
        return tuple(Objective(n, o.direction == "maximize", o.limit) for n, o in self.objectives.items())

    @property
    def reference(self) -> dict[str, float]:
        """The hypervolume's reference point, in the metrics' own units."""
        return {name: objective.reference for name, objective in self.objectives.items()}

    def distributions(self) -> dict[str, BaseDistribution]:
        """Give Optuna's form of the searched parameters."""
        searched = {name: parameter.distribution() for name, parameter in self.parameters.items()}
        if self.search.seeds == 1:
            return searched
        return {**searched, "seed": CategoricalDistribution(grid.seeds(self.search))}

    def grid(self) -> list[dict[str, Any]]:
        """Return every point of the sampler `grid` in the order in which the points run."""
        return grid.points(self.parameters, self.search)

    def corners(self) -> Iterator[dict[str, Any]]:
        """Yield the points at which the rules of the trainer are tried: all points of a grid, else all corners."""
        return iter(self.grid()) if self.search.sampler == "grid" else grid.corners(self.parameters)

    def trial_config(self, parameters: dict[str, Any]) -> TrialConfig:
        """Give the trainer's configuration of one point.

        All trials share the search's seed, so that they differ by their parameters only, unless a grid has
        several seeds. The trainer is told of the rungs where it has to do something there.
        """
        config = TrialConfig.from_mapping(with_preset({"seed": self.search.seed, **self.trial, **parameters}))
        stopping = self.early_stopping
        rungs = stopping.milestones(config.epochs)
        if not rungs or (stopping.rung_schedule == "as_is" and config.eval_every == 1):
            return config
        return replace(
            config,
            rungs=tuple(rungs),
            rung_schedule=stopping.rung_schedule,
            branch_epochs=stopping.branch_epochs,
        )
