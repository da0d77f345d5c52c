"""Which trial is trained again with another seed, if that pays more than a new trial (`search.reseed: front`)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tuner.ledger import Outcome, TrialRecord
from tuner.pareto.dominance import constrained_rank, violations
from tuner.pareto.objectives import FloatArray, optimised
from tuner.search.forecast.chain import Chain
from tuner.search.forecast.final_model import FinalModel, KeptFinals
from tuner.search.forecast.measured import Level, Measured
from tuner.search.forecast.reported_front import ReportedFront
from tuner.search.forecast.rung_quality import FEWEST
from tuner.search.forecast.value import FinalFront
from tuner.space import MOST_SEEDS, SEED, Space
from tuner.space.repeats import trainings_of_points

# The points that a user might choose: the best ones by front.
_MOST_POINTS = 64
_SAMPLES = 128


class Repeats:
    """Chooses the training that tells the user most about the reported front."""

    def __init__(self, space: Space, everywhere: FloatArray) -> None:
        """`everywhere` are (n, d) inputs all over the space: their predicted front says how far a front may reach."""
        self._space, self._everywhere = space, everywhere
        self._kept: KeptFinals = {}

    def best(
        self, trials: Sequence[TrialRecord], measured: Measured, chain: Chain, new: FloatArray, rng: np.random.Generator
    ) -> dict[str, Any] | None:
        """Return the parameters of the repeat that adds most to the value of the reported front.

        Return None if a trial of a new point, with (d,) inputs, adds at least as much, if there is nothing to repeat,
        or before 8 trials have been trained to the end, up to which the `chain` must go. A new point is reported after
        one training, with its luck.
        """
        ended = measured.levels[-1]
        if len(ended) < FEWEST:
            return None
        points = _most_promising(_reported(trials, ended), measured)
        if not points:
            return None
        model = FinalModel(measured, chain, self._kept)
        self._kept = model.fitted
        shape = _SAMPLES, len(points) + 1, ended.losses.shape[1]
        inputs = np.array([*(point.inputs for point in points), new])
        predicted = model.means(self._everywhere)
        scale = FinalFront(model.means(inputs[:-1]), None, predicted, measured.wanted)
        typical, single = model.samples(inputs, rng.standard_normal(shape), rng.standard_normal(shape))
        reported = scale.improvements(np.array([point.losses for point in points]))
        front = ReportedFront(np.vstack([reported, np.zeros_like(reported[:1])]), scale.improvements(typical))
        gains = {
            place: front.gain(place, scale.improvements(point.after(single[:, place])))
            for place, point in enumerate(points)
            if point.settled and point.trainings < MOST_SEEDS and reported[place].all()
        }
        best = max(gains, key=gains.__getitem__, default=None)
        if best is None or gains[best] <= max(0.0, front.gain(len(points), scale.improvements(single[:, -1]))):
            return None
        return {**points[best].trial.parameters, SEED: self._space.seed_of(points[best].trainings)}


@dataclass(frozen=True)
class _Point:
    """A point as it is reported: first trial, inputs, (d,), mean losses, (m,), trainings, and if all have completed."""

    trial: TrialRecord
    inputs: FloatArray
    losses: FloatArray
    trainings: int
    settled: bool

    def after(self, losses: FloatArray) -> FloatArray:
        """Return the means, (k, m), after one more training with these losses."""
        return (self.trainings * self.losses + losses) / (self.trainings + 1)


def _reported(trials: Sequence[TrialRecord], ended: Level) -> list[_Point]:
    """Return the points that are measured at the end; one of which a repeat runs, or has failed, is not settled."""
    by_number = {trial.number: trial for trial in trials}
    places = {number: place for place, number in enumerate(ended.numbers)}
    found = []
    for first, *others in trainings_of_points({trial.number: trial.parameters for trial in trials}):
        if first in places:
            known = [places[number] for number in (first, *others) if number in places]
            settled = all(by_number[number].outcome is Outcome.COMPLETED for number in (first, *others))
            losses: FloatArray = ended.losses[known].mean(axis=0)
            found.append(_Point(by_number[first], ended.inputs[known[0]], losses, len(known), settled))
    return found


def _most_promising(points: Sequence[_Point], measured: Measured) -> list[_Point]:
    losses = np.array([point.losses for point in points])
    beyond = None if measured.wanted.limits is None else violations(losses, measured.wanted.limits)
    order = np.argsort(constrained_rank(optimised(losses, measured.wanted.constraints), beyond), kind="stable")
    return [points[place] for place in sorted(order[:_MOST_POINTS].tolist())]
