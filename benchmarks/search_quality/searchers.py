"""The searches to compare behind one small interface: the project's own, and what its users would run instead."""

import warnings
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import optuna

from benchmarks.search_quality.scale import Scale
from benchmarks.search_quality.tasks import LOSSES, Task
from tuner.ledger import Decision, MemoryLedger
from tuner.search import Search
from tuner.space import Space

Losses = tuple[float, float]


class Searcher(Protocol):
    """A method that proposes trials and gets the losses of their epochs."""

    def next(self) -> tuple[int, dict[str, Any]] | None:
        """Return number and point of the next trial, or None if there is none."""

    def report(self, number: int, epoch: int, losses: Losses) -> Decision:
        """Decide what a trial does after an epoch, counted from 1."""


class TaskSpace(Space):
    """The space of a task; its epochs are those of the task and not of a training configuration."""

    task_epochs: int

    @property
    def epochs(self) -> int:
        """The budget of one trial in epochs."""
        return self.task_epochs


def space_of(
    task: Task, search: Mapping[str, Any], early_stopping: Mapping[str, Any], objectives: Sequence[str] = LOSSES
) -> TaskSpace:
    """Return the space of a task without a limit of trials; its caller ends the search."""
    return TaskSpace.model_validate(
        {
            "name": task.name,
            "trial": {},
            "parameters": task.parameters,
            "objectives": {name: {"direction": "minimize"} for name in objectives},
            "search": {"trials": 10**6, **search},
            "early_stopping": {
                "grace_epochs": task.grace_epochs,
                "reduction_factor": task.reduction_factor,
                **early_stopping,
            },
            "task_epochs": task.epochs,
        }
    )


class OwnSearch:
    """The project's own `tuner.search.Search` with its samplers, rungs and stop rules."""

    def __init__(self, space: TaskSpace, ledger: MemoryLedger | None = None) -> None:
        self.search = Search(space, ledger or MemoryLedger())

    def next(self) -> tuple[int, dict[str, Any]] | None:
        """Ask the search for an assignment."""
        assignment = self.search.next_assignment()
        return None if assignment is None else (assignment.number, assignment.parameters)

    def report(self, number: int, epoch: int, losses: Losses) -> Decision:
        """Report both losses to the search."""
        return self.search.report(number, epoch, self._metrics(losses), None)

    def _metrics(self, losses: Losses) -> dict[str, float]:
        return dict(zip(LOSSES, losses, strict=True))


class MeanSearch(OwnSearch):
    """ASHA on one metric, the mean of both losses on the task's scale, with Optuna's TPE for one objective.

    The scale is that of the task's own front, which a user does not know: the comparison favours this method.
    """

    def __init__(self, task: Task, scale: Scale, seed: int) -> None:
        super().__init__(space_of(task, {"sampler": "motpe", "seed": seed}, {"scheduler": "mo_asha"}, ("mean",)))
        self._scale = scale

    def _metrics(self, losses: Losses) -> dict[str, float]:
        low, high = self._scale
        return {"mean": float(np.mean((np.array(losses) - low) / (high - low)))}


class OptunaSearch:
    """Optuna's own sampler with full trainings, as its users run it by ask and tell: one study, no trial stopped."""

    def __init__(self, task: Task, sampler: optuna.samplers.BaseSampler) -> None:
        self._epochs = task.epochs
        self._distributions = space_of(task, {}, {}).distributions()
        self._study = optuna.create_study(directions=["minimize"] * len(LOSSES), sampler=sampler)

    def next(self) -> tuple[int, dict[str, Any]]:
        """Ask the study for a trial."""
        trial = self._study.ask(self._distributions)
        return trial.number, trial.params

    def report(self, number: int, epoch: int, losses: Losses) -> Decision:
        """Tell the study the losses of a trial at its last epoch."""
        if epoch < self._epochs:
            return Decision.CONTINUE
        self._study.tell(number, losses)
        return Decision.COMPLETE


class SyneTuneSearch:
    """Syne Tune's MOASHA as published, from its own package (`syne-tune`), with its own random configurations.

    It draws from NumPy's global generator whatever its `random_seed` is, so this class seeds that generator.
    """

    def __init__(self, task: Task, seed: int) -> None:
        from syne_tune.optimizer.schedulers.multiobjective.moasha import MOASHA

        np.random.seed(seed)  # noqa: NPY002 - the generator that Syne Tune uses
        self._epochs = task.epochs
        self._trials: list[Any] = []
        self._scheduler = MOASHA(
            syne_tune_space(task.parameters),
            metrics=list(LOSSES),
            time_attr="epoch",
            max_t=task.epochs,
            grace_period=task.grace_epochs,
            reduction_factor=task.reduction_factor,
            random_seed=seed,
        )

    def next(self) -> tuple[int, dict[str, Any]]:
        """Ask the scheduler for a configuration."""
        from datetime import UTC, datetime

        from syne_tune.backend.trial_status import Trial

        suggestion = self._scheduler.suggest()
        trial = Trial(len(self._trials), suggestion.config, datetime.now(UTC))
        self._trials.append(trial)
        self._scheduler.on_trial_add(trial)
        return trial.trial_id, dict(suggestion.config)

    def report(self, number: int, epoch: int, losses: Losses) -> Decision:
        """Report to the scheduler, which always answers STOP at the last epoch."""
        from syne_tune.optimizer.scheduler import SchedulerDecision

        trial, result = self._trials[number], {"epoch": epoch, **dict(zip(LOSSES, losses, strict=True))}
        if self._scheduler.on_trial_result(trial, result) == SchedulerDecision.CONTINUE:
            return Decision.CONTINUE
        self._scheduler.on_trial_remove(trial)
        return Decision.COMPLETE if epoch >= self._epochs else Decision.STOP


def syne_tune_space(parameters: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return the parameters of a space file as Syne Tune's configuration space."""
    from syne_tune import config_space

    makers = {
        ("float", False): config_space.uniform,
        ("float", True): config_space.loguniform,
        ("int", False): config_space.randint,
        ("int", True): config_space.lograndint,
    }
    space = {}
    for name, spec in parameters.items():
        if spec["type"] == "categorical":
            space[name] = config_space.choice(spec["choices"])
        else:
            space[name] = makers[spec["type"], spec.get("log", False)](spec["low"], spec["high"])
    return space


def optuna_sampler(name: str, seed: int) -> optuna.samplers.BaseSampler:
    """Return Optuna's `motpe`, `gp` or `nsga2` with its own defaults, except for the population of NSGA-II.

    With its default population of 50, NSGA-II would draw all of 40 trainings at random.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        if name == "motpe":
            return optuna.samplers.TPESampler(seed=seed)
        if name == "gp":
            return optuna.samplers.GPSampler(seed=seed)
        return optuna.samplers.NSGAIISampler(population_size=10, seed=seed)
