"""What the models are given of the trials of a search and of an earlier one: points as inputs, losses by level."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from tuner.ledger import Outcome, TrialRecord
from tuner.pareto.objectives import FloatArray, Objective
from tuner.search.comparable_values import Values
from tuner.search.forecast.measured import Level, Measured, Unmeasured, Wanted
from tuner.search.forecast.unit_cube import UnitCube
from tuner.search.warm_start import EarlierTrial

# The most running trials, and the most failed ones, the latest: each makes the models larger.
_MOST_UNMEASURED = 100


class MeasuredTrials:
    """Turns the state of a search into what the models are given. It keeps the inputs of points."""

    def __init__(
        self, cube: UnitCube, criteria: Sequence[Objective], wanted: Wanted, earlier: Sequence[EarlierTrial]
    ) -> None:
        self._cube, self._criteria, self._wanted = cube, criteria, wanted
        # Trials of an earlier search have negative numbers, so that none of them is a trial of this search.
        self._earlier = {-1 - place: trial for place, trial in enumerate(earlier)}
        self._inputs = {number: cube.row(trial.parameters) for number, trial in self._earlier.items()}
        self._earlier_losses: dict[int, dict[int, FloatArray]] = {}  # by epoch and number; they stay the same

    def now(
        self, trials: Sequence[TrialRecord], values: Values, failed: Collection[int], judged: int | None = None
    ) -> Measured:
        """Return what is measured; the trial `judged`, which runs, is not believed to go on."""
        for trial in trials:
            if trial.number not in self._inputs:
                self._inputs[trial.number] = self._cube.row(trial.parameters)
        by_level = self._by_level(values, failed)
        levels = [self._level(by_level, index) for index in range(len(by_level))]
        running = [t.number for t in trials if t.outcome is Outcome.RUNNING and t.number != judged]
        return Measured(
            epochs=values.epochs,
            levels=tuple(levels),
            running=tuple(self._unmeasured(number, by_level) for number in running[-_MOST_UNMEASURED:]),
            failed=tuple(self._unmeasured(number, by_level) for number in sorted(failed)[-_MOST_UNMEASURED:]),
            wanted=self._wanted,
            lost=frozenset(failed),
        )

    def learnt(self, epochs: Sequence[int]) -> list[Mapping[str, Any]]:
        """Return the points of the earlier search whose ends the models know: they are measured at all `epochs`."""
        known = set(self._earlier).intersection(*map(self._earlier_at, epochs))
        return [trial.parameters for number, trial in self._earlier.items() if number in known]

    def _by_level(self, values: Values, failed: Collection[int]) -> list[dict[int, FloatArray]]:
        """Return the losses of trials by level, in the order of measurement, of those that all levels before have."""
        found: list[dict[int, FloatArray]] = []
        for epoch in values.epochs:
            here = self._earlier_at(epoch) | values.in_order(epoch)
            found.append(here if not found else {number: row for number, row in here.items() if number in found[-1]})
        found[-1] = {number: row for number, row in found[-1].items() if number not in failed}
        return found

    def _earlier_at(self, epoch: int) -> dict[int, FloatArray]:
        if epoch not in self._earlier_losses:
            rows = {number: trial.losses(epoch, self._criteria) for number, trial in self._earlier.items()}
            self._earlier_losses[epoch] = {number: row for number, row in rows.items() if row is not None}
        return self._earlier_losses[epoch]

    def _level(self, by_level: Sequence[Mapping[int, FloatArray]], index: int) -> Level:
        here = by_level[index]
        width = len(self._criteria)
        return Level(
            numbers=tuple(here),
            inputs=np.array([self._inputs[number] for number in here]).reshape(-1, self._cube.width),
            before=None if index == 0 else np.array([by_level[index - 1][n] for n in here]).reshape(-1, width),
            losses=np.array(list(here.values())).reshape(-1, width),
        )

    def _unmeasured(self, number: int, by_level: Sequence[Mapping[int, FloatArray]]) -> Unmeasured:
        level = max((index for index, here in enumerate(by_level) if number in here), default=-1)
        return Unmeasured(self._inputs[number], level, by_level[level][number] if level >= 0 else None)
