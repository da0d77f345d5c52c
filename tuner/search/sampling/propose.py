"""Proposals by Optuna's samplers: a pure function of the evidence, the seed and the number of the trial.

No state of a sampler lives from one proposal to the next, so nothing has to be saved: a resumed search proposes what
the uninterrupted search would have proposed.
"""

import itertools
import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import BaseSampler, RandomSampler

from tuner.errors import UsageError
from tuner.optuna_private import UncopiedStorage, contains, study_id
from tuner.search.sampling.evidence import Evidence, Parameters, study_trials
from tuner.search.sampling.samplers import explained, sampler_for
from tuner.space.conditions import Conditions, combinations, count_points, holds
from tuner.space.parameters import value_at

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
    conditions: Conditions = MappingProxyType({}),
) -> dict[str, Any]:
    """Return the parameters of trial `number`; the values in `fixed` are kept, and their conditions hold.

    With `conditions`, the parameters that every trial has are proposed first, then those whose conditions they decide,
    and so on. Each group has a model of its own, of the trials that have the whole group: so the knobs of one method
    are learned from its own trials.

    A point that was already tried is replaced by another draw, up to 16 times. If the model still proposes it, one
    of the points that are left is drawn at random. So a point is proposed twice only if `fixed` contains it or the
    whole space was tried; `exhausted` ends a search before that. Raise UsageError if a sampler from outside fails.
    """
    point: dict[str, Any] = {}
    for attempt in range(_ATTEMPTS):
        point = {}
        for depth in itertools.count():
            group = {
                name: each
                for name, each in distributions.items()
                if name not in point and holds(name, point, conditions)
            }
            if not group:
                break
            entropy = (seed, number, attempt, depth) if depth else (seed, number, attempt)
            draw = int(np.random.SeedSequence(entropy).generate_state(1)[0])
            known = evidence.of(group) if conditions else evidence
            given = {name: value for name, value in (fixed or {}).items() if name in group}
            made = sampler_for(sampler, draw, known, number=number, search_seed=seed, distributions=group)
            with explained(sampler):
                found = _ask(made, group, objectives, known, given)
            _require_inside(sampler, found, group)
            point |= found
        point = {name: point[name] for name in distributions if name in point}
        if point not in evidence.tried:
            return point
    left = [other for other in _all_points(distributions, fixed or {}, conditions) if other not in evidence.tried]
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
    asked = study.ask(dict(distributions)).params
    return {name: _on_step(distributions[name], value) for name, value in asked.items()}


def _require_inside(sampler: str, point: Parameters, distributions: Mapping[str, BaseDistribution]) -> None:
    """Raise UsageError if a sampler has proposed a value that its parameter does not have."""
    for name, distribution in distributions.items():
        if not contains(distribution, point[name]):
            raise UsageError(
                f"The sampler {sampler} proposed {point[name]!r} for {name}, but must stay in {distribution}.",
                "search.sampler",
            )


def _on_step(distribution: BaseDistribution, value: Any) -> Any:
    """Return a value of a real range with a step in its usual digits: samplers may propose 0.30000000000000004."""
    if not isinstance(distribution, FloatDistribution) or distribution.step is None:
        return value
    index = round((value - distribution.low) / distribution.step)
    return value_at(distribution.low, distribution.high, distribution.step, index)


def exhausted(
    distributions: Mapping[str, BaseDistribution],
    tried: Sequence[Parameters],
    conditions: Conditions = MappingProxyType({}),
) -> bool:
    """Return whether every point of the space was tried."""
    count = count_points({name: _count(each) for name, each in distributions.items()}, conditions)
    return len(tried) >= count and len({tuple(point.get(name) for name in distributions) for point in tried}) >= count


def _all_points(
    distributions: Mapping[str, BaseDistribution], fixed: Parameters, conditions: Conditions = MappingProxyType({})
) -> list[dict[str, Any]]:
    """Return all points with the values in `fixed`; an empty list if there are more than 10,000."""
    counts = {name: 1 if name in fixed else _count(each) for name, each in distributions.items()}
    if count_points(counts, conditions) > _MOST_POINTS:
        return []
    values = {name: [fixed[name]] if name in fixed else _values(each) for name, each in distributions.items()}
    return list(combinations(values, conditions))


def _count(distribution: BaseDistribution) -> float:
    """Return the number of values of a parameter; infinity for a real range without a step."""
    if isinstance(distribution, FloatDistribution):
        steps = math.inf if distribution.step is None else (distribution.high - distribution.low) / distribution.step
        return steps if math.isinf(steps) else round(steps) + 1
    if isinstance(distribution, IntDistribution):
        return (distribution.high - distribution.low) // distribution.step + 1
    return len(_values(distribution))


def _values(distribution: BaseDistribution) -> Sequence[Any]:
    """Return all values of a parameter that is no real range without a step."""
    if isinstance(distribution, CategoricalDistribution):
        return distribution.choices
    if isinstance(distribution, IntDistribution):
        return range(distribution.low, distribution.high + 1, distribution.step)
    assert isinstance(distribution, FloatDistribution)
    assert distribution.step is not None
    low, high, step = distribution.low, distribution.high, distribution.step
    return [value_at(low, high, step, index) for index in range(int(_count(distribution)))]
