"""How much each parameter matters for each objective, among the completed trials."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution
from optuna.trial import create_trial

from tuner.objectives import FloatArray, Objective
from tuner.report.colours import ColourScale, colour_scales
from tuner.report.front_data import CompletedTrial, FrontData

# Below this, a forest fits noise: a rank correlation has less to go wrong.
ENOUGH_FOR_A_FOREST = 30
FEWEST = 4
# More trials make the forest slower and its answer hardly better.
MOST = 400

FOREST = "mean decrease of impurity in a random forest (Optuna); the shares add up to 1"
RANKS = "squared rank correlation with the parameter (Spearman); too few trials for a forest"


@dataclass(frozen=True, slots=True)
class Importance:
    """The parameters' importance for one objective, the largest first, and by which measure of how many trials."""

    objective: str
    measure: str
    trials: int
    shares: dict[str, float]


def importances(data: FrontData) -> tuple[Importance, ...]:
    """Work out the importance of each varying parameter for each objective; none of fewer than 4 trials."""
    scales = colour_scales(data.points)
    complete = [p for p in data.points if all(scale.value(p.parameters) is not None for scale in scales)]
    if not scales or len(complete) < FEWEST:
        return ()
    forest = len(complete) >= ENOUGH_FOR_A_FOREST
    points = _evenly(complete, MOST)
    return tuple(_importance(objective, points, scales, forest=forest) for objective in data.objectives)


def _importance(
    objective: Objective, points: Sequence[CompletedTrial], scales: Sequence[ColourScale], *, forest: bool
) -> Importance:
    values = np.array([point.metrics[objective.name] for point in points])
    if np.ptp(values) == 0:
        shares = {scale.parameter: 0.0 for scale in scales}
    else:
        shares = _by_forest(values, points, scales) if forest else _by_ranks(values, points, scales)
    ordered = dict(sorted(shares.items(), key=lambda item: -item[1]))
    return Importance(objective.name, FOREST if forest else RANKS, len(points), ordered)


def _by_ranks(values: FloatArray, points: Sequence[CompletedTrial], scales: Sequence[ColourScale]) -> dict[str, float]:
    """Square the rank correlation; of a choice that is no number, the share of rank variance between choices."""
    ranks = _ranks(values)
    shares = {}
    for scale in scales:
        places = np.array([scale.value(point.parameters) for point in points])
        if scale.choices:
            means = {place: ranks[places == place].mean() for place in set(places.tolist())}
            shares[scale.parameter] = float(np.var([means[place] for place in places.tolist()]) / np.var(ranks))
        else:
            shares[scale.parameter] = (
                float(np.corrcoef(ranks, _ranks(places))[0, 1] ** 2) if np.ptp(places) > 0 else 0.0
            )
    return shares


def _ranks(values: FloatArray) -> FloatArray:
    """Rank values from 1; equal ones share the mean of their ranks."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(counts) - (counts - 1) / 2)[inverse], dtype=np.float64)


def _by_forest(values: FloatArray, points: Sequence[CompletedTrial], scales: Sequence[ColourScale]) -> dict[str, float]:
    from optuna.importance import MeanDecreaseImpurityImportanceEvaluator  # imports scikit-learn, a second or two

    varying = [scale for scale in scales if len({scale.value(point.parameters) for point in points}) > 1]
    distributions = {scale.parameter: _distribution(scale) for scale in varying}
    study = optuna.create_study()
    study.add_trials(
        [
            create_trial(
                params={s.parameter: _parameter(s, point) for s in varying},
                distributions=distributions,
                value=float(value),
            )
            for point, value in zip(points, values, strict=True)
        ]
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        shares = MeanDecreaseImpurityImportanceEvaluator(seed=0).evaluate(study)
    return {scale.parameter: float(shares.get(scale.parameter, 0.0)) for scale in scales}


def _distribution(scale: ColourScale) -> BaseDistribution:
    if scale.choices:
        return CategoricalDistribution(scale.choices)
    return FloatDistribution(scale.low, scale.high, log=scale.logarithmic)


def _parameter(scale: ColourScale, point: CompletedTrial) -> Any:
    value = point.parameters[scale.parameter]
    return str(value) if scale.choices else float(value)


def _evenly(points: Sequence[CompletedTrial], most: int) -> Sequence[CompletedTrial]:
    if len(points) <= most:
        return points
    return [points[index] for index in np.linspace(0, len(points) - 1, most).round().astype(int)]
