"""A chain of Gaussian processes from level to level: what is known of a trial, walked on to its final losses.

The first level is modelled from the parameters, each later one from the parameters and the losses at the level before.
'The rung predicts the end' is the linear part of a process, and 'this parameter acts only later' is a length scale.
Nonlinear autoregression: Perdikaris et al. 2017, doi:10.1098/rspa.2016.0751; Kennedy and O'Hagan 2000,
doi:10.1093/biomet/87.1.1.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

import numpy as np

from tuner.pareto.dominance import BoolArray
from tuner.pareto.objectives import FloatArray
from tuner.search.forecast.gaussian_process import GaussianProcess
from tuner.search.forecast.measured import Level, Measured, Unmeasured, Wanted, informative
from tuner.search.forecast.output_transform import OutputTransform

# The most trials to which hyperparameters are fitted: the time of a fit grows with their third power.
_MOST_FITTED = 100
# Hyperparameters are fitted anew when the number of trials has grown by this factor; up to the next number, each time.
_GROWTH = 1.2
_ALWAYS_FITTED = 10
# A failed trial is given losses that are worse than the worst ones by this share of their range.
_WORSE = 0.1


@dataclass(frozen=True)
class Fitted:
    """What was fitted to trials of a level: the transform of its losses, and the hyperparameters of its processes.

    The inputs of the processes are a point, and the values of the level before in the units of its model. They are
    taken from `center`, in units of `spread`, (d + m,) each: trials that went on differ less than all that were there.
    """

    transform: OutputTransform
    processes: tuple[GaussianProcess, ...]
    center: FloatArray
    spread: FloatArray

    def scaled(self, inputs: FloatArray) -> FloatArray:
        """Return (n, d + m) inputs as the processes take them."""
        scaled: FloatArray = (inputs - self.center) / self.spread
        return scaled


# By the trials of the level and those of the level before. What is fitted is a function of these, so it can be kept.
Key = tuple[int, tuple[int, ...], tuple[int, ...]]
Kept = Mapping[Key, Fitted]


class Chain:
    """The models of all levels that can be modelled; the last one is taken for the end.

    Running trials are believed to be measured at their predicted means. This leaves the means of that level as they
    are, and keeps proposals away from points that are being tried (the 'kriging believer' of Ginsbourger et al. 2010,
    doi:10.1007/978-3-642-10701-6_6). Failed trials are given losses that are a little worse than all others, at each
    level that they have not reached, and at the last one, whatever they measured there before they failed.
    """

    def __init__(self, measured: Measured, kept: Kept, without: Collection[int] = ()) -> None:
        """Fit the models, or take what is fitted from `kept`. `fitted` is what the next chain may take.

        The models are not given the trials in `without` (numbers); their hyperparameters still rest on all trials.
        """
        self.last = measured.highest
        self.fitted: dict[Key, Fitted] = {}
        self._links: list[_Link] = []
        running, failed = _Walkers(measured.running), _Walkers(measured.failed)
        before: tuple[int, ...] = ()
        for index in range(self.last + 1):
            whole = measured.levels[index]
            first = first_trials(whole if index < self.last else measured.last)
            key = index, first.numbers, before
            before = first.numbers
            self.fitted[key] = kept[key] if key in kept else self._fit(first, measured.wanted)
            level = informative(whole, measured.wanted).without(without)
            inputs = level.inputs
            if level.before is not None:
                inputs = np.hstack([inputs, self._links[-1].transform.to_model(level.before)])
            values = self.fitted[key].transform.to_model(level.losses)
            if index == self.last:
                values = _with_worst(values, np.isin(level.numbers, list(measured.lost)))
            link = _Link(self.fitted[key], inputs, values)
            added = failed.walk(index, link.transform, link.worst), running.walk(index, link.transform, link.means)
            self._links.append(link.with_rows(*added))
        self.believed_losses = running.losses(self._links[-1].transform)

    def final_losses(
        self,
        points: FloatArray,
        normals: FloatArray,
        level: int = -1,
        losses: FloatArray | None = None,
        *,
        noisy: bool = False,
    ) -> FloatArray:
        """Return samples of the losses at the last level, (k, n, m), of (n, d) points.

        The points are known up to `level` (-1: not at all) with `losses` there, (n, m). `normals`, (k, levels, m), are
        standard normal and the same for all points. What is measured on the way has noise, the last losses have none
        unless they are `noisy`.
        """
        count, width = len(normals), len(points)
        current: FloatArray | None = None
        if losses is not None:
            current = np.tile(self._links[level].transform.to_model(losses), (count, 1))
        tiled = np.tile(points, (count, 1))
        for index in range(level + 1, self.last + 1):
            link = self._links[index]
            if current is None:
                mean, deviation = (np.tile(each, (count, 1)) for each in link.predict(points))
            else:
                mean, deviation = link.predict(np.hstack([tiled, current]))
            if index < self.last or noisy:
                deviation = np.hypot(deviation, link.noises)
            current = mean + deviation * np.repeat(normals[:, index], width, axis=0)
        assert current is not None
        return self._links[-1].transform.to_losses(current).reshape(count, width, -1)

    def trainings(self, points: FloatArray, normals: FloatArray) -> FloatArray:
        """Return trainings of (n, d) points with other seeds, (k, n, m), in the units of the last level's model.

        `normals`, (k, levels, m), are standard normal. Every training is taken for one at the predicted means, so that
        trainings differ by their luck only.
        """
        count, width = len(normals), len(points)
        tiled = np.tile(points, (count, 1))
        current: FloatArray | None = None
        for index, link in enumerate(self._links):
            mean, _ = link.predict(tiled if current is None else np.hstack([tiled, current]))
            current = mean + link.noises * np.repeat(normals[:, index], width, axis=0)
        assert current is not None
        return current.reshape(count, width, -1)

    def _fit(self, first: Level, wanted: Wanted) -> Fitted:
        """Fit a level to some of its trials. The losses before are in the units of the model of the level before."""
        transform = OutputTransform.fitted(first.losses, wanted.limits, wanted.constraints)
        inputs, slopes = first.inputs, 0
        center, spread = np.zeros(inputs.shape[1]), np.ones(inputs.shape[1])
        if first.before is not None:
            before = self._links[-1].transform.to_model(first.before)
            inputs, slopes = np.hstack([inputs, before]), before.shape[1]
            center, spread = np.append(center, before.mean(axis=0)), np.append(spread, _deviations(before))
        scaled, values = (inputs - center) / spread, transform.to_model(first.losses)
        processes = tuple(GaussianProcess.fitted(scaled, each, slopes) for each in values.T)
        return Fitted(transform, processes, center, spread)

    @property
    def transform(self) -> OutputTransform:
        """The transform of the losses at the last level to the units of its model."""
        return self._links[-1].transform


class _Link:
    """The model of one level: the transform of its losses, and a process for each, given what is measured."""

    def __init__(self, fitted: Fitted, inputs: FloatArray, values: FloatArray) -> None:
        self._fitted, self._inputs, self._values = fitted, inputs, values
        scaled = fitted.scaled(inputs)
        self._given = [process.given(scaled, each) for process, each in zip(fitted.processes, values.T, strict=True)]
        self.transform = fitted.transform
        self.noises = np.array([process.noise for process in fitted.processes])

    def predict(self, inputs: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return means and standard deviations without noise, (n, m) each, in the units of the model."""
        scaled = self._fitted.scaled(inputs)
        found = [process.predict(scaled) for process in self._given]
        return np.stack([mean for mean, _ in found], axis=1), np.stack([sd for _, sd in found], axis=1)

    def means(self, inputs: FloatArray) -> FloatArray:
        """Return what trials are believed to be measured at, (n, m)."""
        return self.predict(inputs)[0]

    def worst(self, inputs: FloatArray) -> FloatArray:
        """Return what failed trials are given, (n, m)."""
        return np.tile(_worse(self._values), (len(inputs), 1))

    def with_rows(self, *added: tuple[FloatArray, FloatArray] | None) -> "_Link":
        """Return the model given also these inputs and values."""
        rows = [each for each in added if each is not None]
        if not rows:
            return self
        inputs = np.vstack([self._inputs, *(each for each, _ in rows)])
        return _Link(self._fitted, inputs, np.vstack([self._values, *(each for _, each in rows)]))


def _deviations(values: FloatArray) -> FloatArray:
    """Return the standard deviations, (m,), of (n, m) values; 1 if they do not vary."""
    found = values.std(axis=0)
    deviations: FloatArray = np.where(found > 0, found, 1.0)
    return deviations


def _with_worst(values: FloatArray, failed: BoolArray) -> FloatArray:
    """Return (n, m) values in which those of failed trials, (n,), are a little worse than all others."""
    if not failed.any():
        return values
    return np.where(failed[:, None], _worse(values[~failed]), values)


def _worse(values: FloatArray) -> FloatArray:
    low, high = values.min(axis=0), values.max(axis=0)
    worse: FloatArray = high + _WORSE * (high - low)
    return worse


class _Walkers:
    """Trials that walk along the chain, each from its own level on."""

    def __init__(self, trials: tuple[Unmeasured, ...]) -> None:
        self._trials = trials
        self._values: dict[int, FloatArray] = {}

    def walk(
        self, index: int, transform: OutputTransform, value: Callable[[FloatArray], FloatArray]
    ) -> tuple[FloatArray, FloatArray] | None:
        """Assign values to the trials that are not measured at a level; return inputs and values, None without any.

        Those that are measured at this level walk on from there.
        """
        for place, trial in enumerate(self._trials):
            if trial.level == index:
                assert trial.losses is not None
                self._values[place] = transform.to_model(trial.losses[None])[0]
        places = [place for place, trial in enumerate(self._trials) if trial.level < index]
        if not places:
            return None
        inputs = np.array([self._trials[place].inputs for place in places])
        if index > 0:
            inputs = np.hstack([inputs, np.array([self._values[place] for place in places])])
        values = value(inputs)
        self._values |= dict(zip(places, values, strict=True))
        return inputs, values

    def losses(self, transform: OutputTransform) -> FloatArray | None:
        """Return the losses that the trials have at the last level, None without any."""
        return transform.to_losses(np.array(list(self._values.values()))) if self._values else None


def first_trials(level: Level) -> Level:
    """Return the trials to which transform and hyperparameters are fitted.

    They are the first ones, nearly all, or some spread among them, and each trial that was better in some loss than all
    before it: the transform must reach as far as what is known.
    """
    number = len(level)
    if number > _ALWAYS_FITTED:
        number = _ALWAYS_FITTED
        while (following := int(number * _GROWTH)) <= len(level):
            number = following
    spread = np.linspace(0, number - 1, min(number, _MOST_FITTED)).round().astype(int)
    best = np.minimum.accumulate(level.losses)
    records = np.flatnonzero((best[1:] < best[:-1]).any(axis=1)) + 1
    return level.of(np.union1d(spread, records))
