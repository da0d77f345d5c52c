"""The sections of a space file other than `trial` and `parameters`."""

import math
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import Field, model_validator

from training.config import is_accuracy, usual_direction
from training.suite_names import SuiteName
from tuner.space.parameters import Number, Part, Real

# What may be a point of the front: the final values of completed trials, or every evaluated epoch of ended ones.
Candidates = Literal["final", "every_evaluation"]
CANDIDATES: tuple[Candidates, ...] = get_args(Candidates)
# Which trials may be trained again with another seed.
Reseed = Literal["none", "front"]
RESEED: tuple[Reseed, ...] = get_args(Reseed)


class ObjectiveSpec(Part):
    """The direction of one metric, and its coordinate in the reference point of the hypervolume.

    The defaults of both depend on the metric: `with_defaults_of_metric`.
    `at_least` (of a maximised metric) or `at_most` (of a minimised one) is the worst value that the user accepts.
    Rungs and the sampler rank trials beyond it after all others, by how far they are beyond it.
    """

    direction: Literal["maximize", "minimize"] = "maximize"
    reference: Real = 0.0
    at_least: Real | None = None
    at_most: Real | None = None

    @property
    def limit(self) -> float | None:
        """The worst value that the user accepts, if there is one."""
        return self.at_least if self.direction == "maximize" else self.at_most

    @model_validator(mode="after")
    def _limit_on_the_worse_side(self) -> Self:
        wrong, right = ("at_most", "at_least") if self.direction == "maximize" else ("at_least", "at_most")
        value = getattr(self, wrong)
        if value is not None:
            raise ValueError(
                f"{wrong} is {value:g}, but the direction is {self.direction}, so that only {right} can be a limit"
            )
        return self


def with_defaults_of_metric(name: str, objective: dict[str, Any]) -> dict[str, Any]:
    """Return the keys of an objective, with the usual direction of its metric and a reference point where one is clear.

    The worst share is 0, or 1 if it is minimised. Of other metrics the worst value of a maximised one is taken to be 0;
    a minimised one has none, so that the user must give it.
    """
    direction = objective.get("direction", usual_direction(name))
    known = {"reference": 1.0} if direction == "minimize" and is_accuracy(name) else {}
    return {"direction": direction, **known, **objective}


class ConstraintSpec(Part):
    """The values that the user accepts of a metric that is no objective: from `at_least` to `at_most`.

    Trials beyond them are never on the front. Rungs and the sampler rank them after all others.
    """

    at_least: Real | None = None
    at_most: Real | None = None

    @model_validator(mode="after")
    def _some_value_is_accepted(self) -> Self:
        if self.at_least is None and self.at_most is None:
            raise ValueError("it must have at_least, at_most, or both")
        if self.at_least is not None and self.at_most is not None and self.at_least > self.at_most:
            raise ValueError(f"at_least is {self.at_least:g}, but must be at most {self.at_most:g}, which is at_most")
        return self


class SearchSpec(Part):
    """How many trials are proposed, and by which sampler. A trial may crash `max_failures` times and is then retried.

    `points` and `seeds` are for the sampler `grid`. It runs the points, or all combinations of the parameters if there
    are none, each with `seeds` seeds from `seed` on. By default `trials` is then the size of the grid.
    `candidates` says what may be a point of the front: the final values of a completed trial, or every evaluated epoch
    of a trial that has ended in any way. It changes neither proposals nor decisions at rungs.
    With `reseed: front` a trial may train the point of another trial again, with another seed.
    A search ends before `trials` if its trials together have trained `max_epochs`, if the hypervolume of its front has
    not grown for `patience` trials, or if every point of a finite space was tried.
    """

    sampler: str = "forecast"  # a name of tuner.space.samplers
    trials: Annotated[int, Field(ge=1)] = 64
    seed: Annotated[int, Field(ge=0)] = 0
    seeds: Annotated[int, Field(ge=1)] = 1
    candidates: Candidates = "final"
    reseed: Reseed = "none"
    points: list[dict[str, Number | str]] = Field(default_factory=list)
    start_points: list[dict[str, Number | str]] = Field(default_factory=list)
    max_failures: Annotated[int, Field(ge=0)] = 2
    max_epochs: Annotated[int, Field(ge=1)] | None = None
    patience: Annotated[int, Field(ge=1)] | None = None


class EarlyStoppingSpec(Part):
    """Rungs: the first one at `grace_epochs`, each next one `reduction_factor` times later.

    Trials are judged there by a forecast of their final values, or by multi-objective ASHA.
    """

    scheduler: Literal["forecast", "mo_asha", "none"] = "forecast"
    grace_epochs: Annotated[int, Field(ge=1)] = 1
    reduction_factor: Annotated[int, Field(ge=2)] = 3

    def milestones(self, epochs: int) -> list[int]:
        """Return the epochs of the rungs, grace_epochs * reduction_factor^k below `epochs`; none if switched off."""
        if self.scheduler == "none":
            return []
        rungs = []
        epoch = self.grace_epochs
        while epoch < epochs:
            rungs.append(epoch)
            epoch *= self.reduction_factor
        return rungs


class ResourcesSpec(Part):
    """What one trial occupies. With a fraction of a GPU, trials share it; with several GPUs, they train one trial."""

    gpus_per_trial: Annotated[float, Field(ge=0)] = 0
    cpus_per_trial: Annotated[float, Field(gt=0)] = 1

    @property
    def processes_per_trial(self) -> int:
        """How many processes train a trial: one for each GPU."""
        return max(1, round(self.gpus_per_trial))

    @property
    def threads_per_process(self) -> int:
        """The torch threads of each of these processes: its share of whole CPUs, at least one."""
        return max(1, math.floor(self.cpus_per_trial / self.processes_per_trial))


class ConfirmSpec(Part):
    """Makes a grid the confirmation of `search`: its trials `trials`, one for each point, measured on the test set.

    `search_id` is the id of the search, which stays when its folder gets another name.
    `attacks` are named ones that take the place of the suite. `norm` and `epsilon` are those of the balls, by default
    those of the search.
    `images` is the number of test images, equally many of each class; 0 means all. Without `retrain` the trials' own
    weights are measured, from `checkpoints`, relative to the folder of all searches.
    """

    search: str
    search_id: str
    trials: list[int]
    suite: SuiteName = SuiteName.STANDARD
    attacks: list[str] = Field(default_factory=list)
    norm: Literal["linf", "l2"] | None = None
    epsilon: Annotated[float, Field(gt=0)] | None = None
    images: Annotated[int, Field(ge=0)] = 0
    retrain: bool = True
    checkpoints: list[str] = Field(default_factory=list)
