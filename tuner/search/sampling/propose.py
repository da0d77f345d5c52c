"""Proposals by Optuna's samplers: a pure function of the evidence, the seed and the number of the trial.

No state of a sampler lives from one proposal to the next, so nothing has to be saved: a resumed search proposes what
the uninterrupted search would have proposed.
"""

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, IntDistribution
from optuna.samplers import BaseSampler, RandomSampler

from tuner.optuna_private import UncopiedStorage, study_id
from tuner.search.sampling.evidence import Evidence, Parameters, study_trials
from tuner.search.sampling.samplers import sampler_for

_ATTEMPTS = 16
# In a larger space a random draw always finds a point that was not tried.
_MOST_POINTS = 10_000


def propose(
    sampler: str,
    distributions: Mapping[str, BaseDistribution],
    objectives: int,
    evidence: Evidence,
    *,
    seed: int,
    number: int,
    fixed: Parameters | None = None,
) -> dict[str, Any]:
    """Return the parameters of trial `number`; the values in `fixed` are kept.

    A point that was already tried is replaced by another draw, up to 16 times. If the model still proposes it, one
    of the points that are left is drawn at random. So a point is proposed twice only if `fixed` contains it or the
    whole space was tried; `exhausted` ends a search before that.
    """
    point: dict[str, Any] = {}
    for attempt in range(_ATTEMPTS):
        draw = np.random.SeedSequence((seed, number, attempt)).generate_state(1)[0]
        point = _ask(sampler_for(sampler, int(draw), evidence), distributions, objectives, evidence, fixed or {})
        if point not in evidence.tried:
            return point
    left = [other for other in _all_points(distributions, fixed or {}) if other not in evidence.tried]
    return left[np.random.default_rng((seed, number)).integers(len(left))] if left else point


def _ask(
    sampler: BaseSampler,
    distributions: Mapping[str, BaseDistribution],
    objectives: int,
    evidence: Evidence,
    fixed: Parameters,
) -> dict[str, Any]:
    storage = UncopiedStorage()
    study = optuna.create_study(storage=storage, directions=["minimize"] * objectives, sampler=sampler)
    if not isinstance(sampler, RandomSampler):
        for trial in study_trials(evidence, distributions):
            # `add_trials` would check each trial again.
            storage.create_new_trial(study_id(study), trial)
    if fixed:
        study.enqueue_trial(dict(fixed))
    return dict(study.ask(dict(distributions)).params)


def exhausted(distributions: Mapping[str, BaseDistribution], tried: Sequence[Parameters]) -> bool:
    """Return whether every point of the space was tried."""
    values = map(_values, distributions.values())
    count = math.prod(math.inf if listed is None else len(listed) for listed in values)
    return len(tried) >= count and len({tuple(point[name] for name in distributions) for point in tried}) >= count


def _all_points(distributions: Mapping[str, BaseDistribution], fixed: Parameters) -> list[dict[str, Any]]:
    """Return all points with the values in `fixed`; an empty list if there are more than 10,000."""
    values: list[Sequence[Any]] = []
    for name, distribution in distributions.items():
        listed = [fixed[name]] if name in fixed else _values(distribution)
        if listed is None:
            return []
        values.append(listed)
    if math.prod(map(len, values)) > _MOST_POINTS:
        return []
    return [dict(zip(distributions, point, strict=True)) for point in itertools.product(*values)]


def _values(distribution: BaseDistribution) -> Sequence[Any] | None:
    """Return all values of a parameter; None for a real range, which has no end of them."""
    if isinstance(distribution, CategoricalDistribution):
        return distribution.choices
    if isinstance(distribution, IntDistribution):
        return range(distribution.low, distribution.high + 1, distribution.step)
    return None
