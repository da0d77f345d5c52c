"""The forecast of one search: what to try next, and which trials go on at a rung.

Both are functions of what is measured, the seed and the number of the trial. So a resumed search proposes and decides
as the uninterrupted one.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import numpy as np
from scipy.stats import qmc

from tuner.ledger import Outcome, TrialRecord
from tuner.search.comparable_values import Values
from tuner.search.forecast.candidates import Worth, best_points, candidates, narrowed
from tuner.search.forecast.chain import Kept
from tuner.search.forecast.measured import Measured, Wanted
from tuner.search.forecast.measured_trials import MeasuredTrials
from tuner.search.forecast.moment import Moment
from tuner.search.forecast.one_thread import one_thread
from tuner.search.forecast.repeats import Repeats
from tuner.search.forecast.unit_cube import UnitCube
from tuner.search.rungs import Judgement
from tuner.search.warm_start import EarlierTrial
from tuner.space import Space

# Candidates of a proposal, and of the new trial to which a running one is compared.
_CANDIDATES, _GOOD_CANDIDATES = 700, 150
_RIVALS, _GOOD_RIVALS, _BEST_RIVALS = 250, 40, 10
# Points all over the space, whose predicted front says how far the final front may reach.
_EVERYWHERE = 256
# Samples of the final losses: for many points, for the good ones, and for the best ones.
_SAMPLES = 8, 32, 256
# A trial goes on if it is worth this share of a new trial, or more. The new one is the best of many forecasts, so that
# what it is worth is estimated too high, and a trial that goes on also teaches the models. With 1 a search stops nearly
# all trials for long, and learns no more of the end: benchmarks/pages/search_forecast.md.
_LEAST_WORTH = 0.25
# This share of trials, drawn by the seed, is trained to the end whatever is forecast: they teach the models. Half of
# them are not proposed but lie anywhere in the space: a model that is wrong of a region proposes nothing there.
_TEACHING, _ANYWHERE = 0.15, 0.075
# Purposes of random numbers, which must not be the same for two of them.
_PROPOSING, _JUDGING, _CHOOSING_TEACHERS, _REPEATING = 1, 2, 3, 4

_LOST = {Outcome.STOPPED, Outcome.FAILED}


class Forecasts:
    """Proposals and decisions of one search by the forecast of final losses."""

    def __init__(self, space: Space, earlier: Sequence[EarlierTrial]) -> None:
        """`earlier` are the trials of an earlier search that are evidence."""
        self._seed = space.search.seed
        self._cube = UnitCube(space.distributions(), space.conditions)
        self._trials = MeasuredTrials(self._cube, space.criteria, Wanted.by(space), earlier)
        self._everywhere = self._cube.nearest(qmc.Sobol(self._cube.width, seed=0).random(_EVERYWHERE))
        self._learnt = self._trials.learnt(space.compared_epochs)
        self._kept: Kept = {}
        self._repeats = Repeats(space, self._everywhere) if space.reseeds else None

    def proposer(
        self,
        trials: Sequence[TrialRecord],
        values: Values,
        failed: Collection[int],
        number: int,
        fixed: Mapping[str, Any],
    ) -> Callable[[], dict[str, Any] | None]:
        """Return a function that returns the parameters of trial `number`, None if every point it finds was tried.

        The function may run while the search goes on: it knows what is measured now. As long as there is too little to
        fit, and for some trials later on, the points are spread evenly, by Sobol's sequence.
        """
        measured = self._trials.now(trials, values, failed)
        tried = [trial.parameters for trial in trials]
        return lambda: next((each for each in self._points(measured, number, fixed) if each not in tried), None)

    def repeater(
        self, trials: Sequence[TrialRecord], values: Values, failed: Collection[int], number: int
    ) -> Callable[[Mapping[str, Any]], dict[str, Any] | None]:
        """Return a function that returns the parameters of a repeat, None if the point that it is given is worth more.

        The function may run while the search goes on: it knows what is measured now.
        """
        measured, known = self._trials.now(trials, values, failed), list(trials)

        def work(point: Mapping[str, Any]) -> dict[str, Any] | None:
            if self._repeats is None or measured.highest < len(measured.levels) - 1:
                return None
            if self._teaches(number, _ANYWHERE):  # it lies there to teach, not for what it is worth
                return None
            with one_thread():
                rng, new = self._rng(_REPEATING, number), self._cube.row(point)
                chain = self._moment(measured).chain
                return self._repeats.best(known, measured, chain, new, rng)

        return work

    def judgement(
        self, trials: Sequence[TrialRecord], values: Values, failed: Collection[int], number: int, epoch: int
    ) -> Judgement | None:
        """Judge a trial at a rung where it has been measured; None if too little is known of the end yet.

        A trial goes on if what it is expected to add to the final front, for each epoch that it still costs, is at
        least a quarter of what a new trial adds for each of its epochs. The first trial of each choice without an
        order, and a share of all trials, go on whatever is forecast.
        """
        measured = self._trials.now(trials, values, failed, judged=number)
        level, place = values.epochs.index(epoch), [trial.number for trial in trials].index(number)
        knows_the_end = measured.highest == len(values.epochs) - 1
        first = _first_of_its_kind(trials, number, self._cube.named, self._learnt)
        if first is not None:
            return Judgement(True, f"goes on: {first} is trained to the end, to learn from it")
        if not knows_the_end or number not in measured.levels[level].numbers:
            return Judgement(True, "goes on to teach the forecast") if self._teaches(place) else None
        rng = self._rng(_JUDGING, number, epoch)
        with one_thread():
            moment = self._moment(measured)
            here = measured.levels[level]
            row = [here.numbers.index(number)]
            normals = moment.normals(_SAMPLES[-1], rng)
            worth = float(moment.worth(here.inputs[row], normals, level, here.losses[row])[0])
            new = self._worth_of_a_new_trial(moment, rng)
        left = moment.epochs - epoch
        rival = new * left / moment.epochs
        goes_on = worth >= _LEAST_WORTH * rival
        reason = _reason(worth, rival, left, goes_on=goes_on, some_allowed=moment.some_allowed)
        if not goes_on and self._teaches(place):
            return Judgement(True, f"goes on to teach the forecast: {reason}")
        return Judgement(goes_on, f"{'goes on' if goes_on else 'stopped'}: {reason}")

    def _points(self, measured: Measured, number: int, fixed: Mapping[str, Any]) -> list[dict[str, Any]]:
        rng = self._rng(_PROPOSING, number)
        if measured.highest < 0 or self._teaches(number, _ANYWHERE):
            sequence = qmc.Sobol(self._cube.width, seed=self._seed)
            if number > 0:  # SciPy cannot go forward by nothing
                sequence.fast_forward(number)
            return [self._cube.point(sequence.random(1)[0], fixed)]
        with one_thread():
            moment = self._moment(measured)
            coarse, fine, finest = (_worth(moment, samples, rng) for samples in _SAMPLES)
            rows = candidates(self._cube, moment.front_inputs, rng, _CANDIDATES, fixed)
            best = best_points(self._cube, narrowed(rows, (coarse, _GOOD_CANDIDATES)), fine, rng, fixed)
            best = narrowed(best, (finest, len(best)))
        return [self._cube.point(row, fixed) for row in best]

    def _worth_of_a_new_trial(self, moment: Moment, rng: np.random.Generator) -> float:
        """Return what the best new point is worth, nearly."""
        coarse, fine, finest = (_worth(moment, samples, rng) for samples in _SAMPLES)
        rows = candidates(self._cube, moment.front_inputs, rng, _RIVALS)
        return float(finest(narrowed(rows, (coarse, _GOOD_RIVALS), (fine, _BEST_RIVALS))).max())

    def _moment(self, measured: Measured) -> Moment:
        moment = Moment(measured, self._everywhere, self._kept)
        self._kept = moment.chain.fitted
        return moment

    def _teaches(self, place: int, share: float = _TEACHING) -> bool:
        """Return whether a trial teaches, by its place among those of the search: other programs use some numbers."""
        return bool(self._rng(_CHOOSING_TEACHERS, place).random() < share)

    def _rng(self, purpose: int, *place: int) -> np.random.Generator:
        return np.random.default_rng((self._seed, purpose, *place))


def _worth(moment: Moment, samples: int, rng: np.random.Generator) -> Worth:
    normals = moment.normals(samples, rng)
    return lambda rows: moment.worth(rows, normals)


def _reason(worth: float, rival: float, left: int, *, goes_on: bool, some_allowed: bool) -> str:
    """Return why a trial goes on or not: what it adds in the epochs left, and what a new trial adds in as many."""
    what = "would add {:.2f} %" if some_allowed else "would come {:.2f} % of the known range nearer to the limits"
    compared = "at least" if goes_on else "less than"
    return (
        f"{what.format(100 * worth)} in the {left} epochs left, {compared} a quarter of a new trial's "
        f"{100 * rival:.2f} % in as many epochs"
    )


def _first_of_its_kind(
    trials: Sequence[TrialRecord],
    number: int,
    named: Sequence[str],
    learnt: Sequence[Mapping[str, Any]],
) -> str | None:
    """Return what a trial is the first of, among those that have not ended early; None if it is like others.

    The first trial of each choice without an order counts whenever it comes: rungs may rank a choice last that is the
    best one at the end, and no model can know this before it has seen one. `learnt` are the points of an earlier search
    whose ends are known.
    """
    before = [trial.parameters for trial in trials if trial.number < number and trial.outcome not in _LOST]
    (parameters,) = (trial.parameters for trial in trials if trial.number == number)
    for name in named:
        if name in parameters and all(point.get(name) != parameters[name] for point in (*learnt, *before)):
            return f"the first trial with {name}={parameters[name]}"
    return None
