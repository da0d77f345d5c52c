"""What is compared, each behind one small interface: the project's own search, and what its users would run instead."""

import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

import numpy as np
import optuna

from benchmarks.search_quality.scale import Scale
from benchmarks.search_quality.tasks import LOSSES, Task
from tuner.ledger import Decision, Ledger, Outcome, Report, TrialRecord
from tuner.search import Search
from tuner.space import Space

Losses = tuple[float, float]


class Searcher(Protocol):
    """A method that is asked for trials and told of their epochs."""

    def next(self) -> tuple[int, dict[str, Any]] | None:
        """Give number and point of the next trial, or None if there is none."""

    def report(self, number: int, epoch: int, losses: Losses) -> Decision:
        """Say what becomes of a trial after an epoch, counted from 1."""


class TaskSpace(Space):
    """The space of a task, whose epochs are its own and not those of a training configuration."""

    task_epochs: int

    @property
    def epochs(self) -> int:
        """The budget of one trial in epochs."""
        return self.task_epochs


class MemoryLedger(Ledger):
    """A ledger that forgets: what a search writes is kept for its reader in this process only."""

    def __init__(self) -> None:
        self._records: list[TrialRecord] = []
        self._time = 0.0

    def load(self) -> list[TrialRecord]:
        """Give the trials by number."""
        return list(self._records)

    def facts(self) -> dict[str, Any]:
        """Give no facts."""
        return {}

    def propose(self, parameters: Mapping[str, Any], distributions: Mapping[str, Any]) -> int:
        """Note a new trial."""
        del distributions
        self._records.append(TrialRecord(len(self._records), dict(parameters), Outcome.RUNNING, 0.0))
        return len(self._records) - 1

    def record(self, number: int, report: Report) -> None:
        """Note an epoch."""
        trial = self._records[number]
        self._records[number] = replace(trial, reports=(*trial.reports, report))

    def reports_at(self, epochs: Iterable[int]) -> Iterator[tuple[int, Report]]:
        """Give the reports at some epochs by number."""
        wanted = set(epochs)
        return ((t.number, report) for t in self._records for report in t.reports if report.epoch in wanted)

    def finish(
        self, number: int, outcome: Outcome, values: Sequence[float] | None = None, error: str | None = None
    ) -> TrialRecord:
        """Note the end of a trial."""
        del values, error
        self._time += 1
        self._records[number] = replace(self._records[number], outcome=outcome, ended=self._time)
        return self._records[number]


def space_of(
    task: Task, search: Mapping[str, Any], early_stopping: Mapping[str, Any], objectives: Sequence[str] = LOSSES
) -> TaskSpace:
    """Give the space of a task, for a search that whoever runs it ends."""
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
    """The project's own `tuner.search.Search`: its samplers, its rungs, its stop rules."""

    def __init__(self, space: TaskSpace, ledger: MemoryLedger | None = None) -> None:
        self._search = Search(space, ledger or MemoryLedger())

    def next(self) -> tuple[int, dict[str, Any]] | None:
        """Ask the search."""
        assignment = self._search.next_assignment()
        return None if assignment is None else (assignment.number, assignment.parameters)

    def report(self, number: int, epoch: int, losses: Losses) -> Decision:
        """Tell the search both losses."""
        return self._search.report(number, epoch, self._metrics(losses), None)

    def _metrics(self, losses: Losses) -> dict[str, float]:
        return dict(zip(LOSSES, losses, strict=True))


class MeanSearch(OwnSearch):
    """ASHA on one metric, the mean of both losses on the task's scale, under Optuna's TPE for one objective.

    The scale is that of the task's own front, which a user does not know: the comparison favours this method.
    """

    def __init__(self, task: Task, scale: Scale, seed: int) -> None:
        super().__init__(space_of(task, {"sampler": "motpe", "seed": seed}, {}, ("mean",)))
        self._scale = scale

    def _metrics(self, losses: Losses) -> dict[str, float]:
        low, high = self._scale
        return {"mean": float(np.mean((np.array(losses) - low) / (high - low)))}


class OptunaSearch:
    """Optuna's own sampler with full trainings, by ask and tell, as its users run it: one study, nothing stopped."""

    def __init__(self, task: Task, sampler: optuna.samplers.BaseSampler) -> None:
        self._epochs = task.epochs
        self._distributions = space_of(task, {}, {}).distributions()
        self._study = optuna.create_study(directions=["minimize"] * len(LOSSES), sampler=sampler)

    def next(self) -> tuple[int, dict[str, Any]]:
        """Ask the study."""
        trial = self._study.ask(self._distributions)
        return trial.number, trial.params

    def report(self, number: int, epoch: int, losses: Losses) -> Decision:
        """Tell the study when a trial has ended."""
        if epoch < self._epochs:
            return Decision.CONTINUE
        self._study.tell(number, losses)
        return Decision.COMPLETE


class SyneTuneSearch:
    """Syne Tune's MOASHA as published, from its own package (`syne-tune`), with its own random configurations.

    It draws from NumPy's global generator whatever its `random_seed` says, so that one is seeded here.
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
        """Tell the scheduler; at the last epoch it always says STOP."""
        from syne_tune.optimizer.scheduler import SchedulerDecision

        trial, result = self._trials[number], {"epoch": epoch, **dict(zip(LOSSES, losses, strict=True))}
        if self._scheduler.on_trial_result(trial, result) == SchedulerDecision.CONTINUE:
            return Decision.CONTINUE
        self._scheduler.on_trial_remove(trial)
        return Decision.COMPLETE if epoch >= self._epochs else Decision.STOP


def syne_tune_space(parameters: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Give the parameters of a space file as Syne Tune's configuration space."""
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
    """Give Optuna's `motpe` or `nsga2` with its own defaults.

    But for NSGA-II's population: with the default of 50 it would draw at random for all of 40 trainings.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        if name == "motpe":
            return optuna.samplers.TPESampler(seed=seed)
        return optuna.samplers.NSGAIISampler(population_size=10, seed=seed)
