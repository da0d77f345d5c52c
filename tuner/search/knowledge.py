"""What a search knows of its trials, and what follows from it: proposals, and decisions at rungs."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from tuner.ledger import Report, TrialRecord
from tuner.pareto.objectives import FloatArray, as_losses, loss_limits
from tuner.search.comparable_values import Values, earlier_values, evidence, has_failed
from tuner.search.rungs import Judgement, Rungs
from tuner.search.sampling import Evidence, propose
from tuner.search.warm_start import EarlierTrial
from tuner.space import SEED, Space

if TYPE_CHECKING:
    from tuner.search.forecast.forecasts import Forecasts

FORECAST = "forecast"
Propose = Callable[..., dict[str, Any]]  # takes what `propose` takes


class Knowledge:
    """The values at the epochs where trials are compared, the trials that failed, and an earlier search's trials."""

    def __init__(self, space: Space, earlier: Sequence[EarlierTrial], propose: Propose = propose) -> None:
        """`earlier` are the trials of an earlier search that are evidence."""
        self.values = Values(space.compared_epochs)
        self.failed: set[int] = set()
        self.earlier = earlier_values(earlier, self.values.epochs, space.criteria)
        self._space, self._criteria = space, space.criteria
        self._constraints = len(space.constraint_list)
        self._distributions, self._recorded = space.distributions(), space.recorded_distributions()
        self._propose = partial(propose, conditions=space.conditions) if space.conditions else propose
        limits = loss_limits(space.criteria)
        self._rungs = Rungs(space.rung_epochs, space.early_stopping.reduction_factor, limits, self._constraints)
        self._forecasts = _forecasts(space, earlier)

    def is_rung(self, epoch: int) -> bool:
        """Return whether trials are judged after this epoch."""
        return self._rungs.is_rung(epoch)

    def learn(self, number: int, report: Report) -> None:
        """Take what a trial has measured."""
        losses = self._losses(report.metrics)
        self.values.record(number, report.epoch, losses, report.time)
        if report.rung and self.is_rung(report.epoch):
            self._rungs.record(report.epoch, number, losses)

    def learn_end(self, trial: TrialRecord) -> None:
        """Take how a trial has ended."""
        if has_failed(trial, self._criteria):
            self.failed.add(trial.number)

    def is_broken(self, epoch: int, metrics: Mapping[str, float]) -> bool:
        """Return whether a criterion is not finite. A missing one counts only at epochs where trials are compared."""
        losses = self._losses(metrics)
        if epoch not in self.values.epochs:
            losses = losses[[criterion.name in metrics for criterion in self._criteria]]
        return not bool(np.isfinite(losses).all())

    def judgement(self, trials: Sequence[TrialRecord], number: int, epoch: int) -> Judgement:
        """Judge a trial that has been measured at a rung: by the forecast, or else by multi-objective ASHA."""
        if self._forecasts is not None and self._space.early_stopping.scheduler == FORECAST:
            found = self._forecasts.judgement(trials, self.values, self.failed, number, epoch)
            if found is not None:
                return found
        return self._rungs.judgement(epoch, number)

    def proposal(self, trials: Sequence[TrialRecord], fixed: Mapping[str, Any] | None) -> Callable[[], dict[str, Any]]:
        """Return the work of a proposal. It rests on what is known now, and may be done in another thread.

        The point is as the ledger gives it back: 16.0 among whole numbers is 16.
        """
        search, number = self._space.search, len(trials)  # not the ledger's number: other programs use some
        forecast, repeat = None, None
        if self._forecasts is not None and self._space.reseeds and fixed is None:
            repeat = self._forecasts.repeater(trials, self.values, self.failed, number)
        if self._forecasts is not None and search.sampler == FORECAST:
            forecast = self._forecasts.proposer(trials, self.values, self.failed, number, fixed or {})
            known = Evidence([], [], tried=[trial.parameters for trial in trials])
        else:
            told = without_seeds(trials) if self._space.reseeds else trials
            known = evidence(
                told, self.values, self._criteria, self.failed, self.earlier, constraints=self._constraints
            )

        def work() -> dict[str, Any]:
            point = None if forecast is None else forecast()
            if point is None:
                objectives = len(self._space.objectives)
                point = self._propose(
                    search.sampler, self._distributions, objectives, known, seed=search.seed, number=number, fixed=fixed
                )
            again = None if repeat is None else repeat(point)
            return self.as_recorded(again or point)

        return work

    def as_recorded(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Return parameters as the ledger gives them back."""
        recorded = {}
        for name, value in parameters.items():
            distribution = self._recorded[name]
            recorded[name] = distribution.to_external_repr(distribution.to_internal_repr(value))
        return recorded

    def _losses(self, metrics: Mapping[str, float]) -> FloatArray:
        return as_losses([metrics], self._criteria).reshape(-1)


def _forecasts(space: Space, earlier: Sequence[EarlierTrial]) -> "Forecasts | None":
    if FORECAST not in {space.search.sampler, space.early_stopping.scheduler} and not space.reseeds:
        return None
    # Imported only here: scikit-learn and scipy.stats take a second, and most commands need no forecast.
    from tuner.search.forecast.forecasts import Forecasts

    return Forecasts(space, earlier)


def without_seeds(trials: Sequence[TrialRecord]) -> list[TrialRecord]:
    """Return trials of which repeats have the parameters of their points, as a sampler expects them."""
    return [
        replace(t, parameters={n: v for n, v in t.parameters.items() if n != SEED}) if SEED in t.parameters else t
        for t in trials
    ]
