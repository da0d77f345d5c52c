"""Proposals by Optuna's multi-objective TPE, a pure function of the evidence, the seed and the trial's number.

No sampler state lives from one proposal to the next, so nothing has to be saved: a resumed search proposes
what the uninterrupted one would have proposed.
"""

import itertools
import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, IntDistribution
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.trial import TrialState, create_trial

from tuner.objectives import FloatArray

# Optuna's own default for the number of random trials before a model is fitted.
STARTUP_TRIALS = 10
_ATTEMPTS = 16
_MOST_POINTS = 10_000

Parameters = Mapping[str, Any]


@dataclass(frozen=True)
class Evidence:
    """What a proposal rests on: trials with their losses, all measured at the same epoch, and running ones.

    Losses have shape (objectives,), lower is better. Trials that are known at other epochs only are in
    `tried`, which keeps their points from being proposed again.
    """

    measured: Sequence[tuple[Parameters, FloatArray]]
    running: Sequence[Parameters]
    tried: Sequence[Parameters]


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
    """Give the parameters of trial `number`; those in `fixed` are taken as they are.

    A point that was tried already is drawn again, up to 16 times; where the model insists on it, one of the
    points that are left is drawn. So a point comes twice only if `fixed` says so or the whole space was tried.
    """
    tried = [dict(point) for point in evidence.tried]
    point: dict[str, Any] = {}
    for attempt in range(_ATTEMPTS):
        draw = np.random.SeedSequence((seed, number, attempt)).generate_state(1)[0]
        point = _ask(_sampler(sampler, int(draw)), distributions, objectives, evidence, fixed or {})
        if point not in tried:
            return point
    left = [other for other in _all_points(distributions, fixed or {}) if other not in tried]
    return left[np.random.default_rng((seed, number)).integers(len(left))] if left else point


def _all_points(distributions: Mapping[str, BaseDistribution], fixed: Parameters) -> list[dict[str, Any]]:
    """List the points of a space of at most 10,000; nothing of a larger one, which no search exhausts."""
    values: list[Sequence[Any]] = []
    for name, distribution in distributions.items():
        if name in fixed:
            values.append([fixed[name]])
        elif isinstance(distribution, CategoricalDistribution):
            values.append(distribution.choices)
        elif isinstance(distribution, IntDistribution):
            values.append(range(distribution.low, distribution.high + 1, distribution.step))
        else:
            return []
    if math.prod(map(len, values)) > _MOST_POINTS:
        return []
    return [dict(zip(distributions, point, strict=True)) for point in itertools.product(*values)]


def _sampler(name: str, seed: int) -> BaseSampler:
    if name == "random":
        return RandomSampler(seed=seed)
    with warnings.catch_warnings():
        # The joint model of all parameters is what makes TPE follow a front; it is experimental in name.
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return TPESampler(multivariate=True, constant_liar=True, n_startup_trials=STARTUP_TRIALS, seed=seed)


def _ask(
    sampler: BaseSampler,
    distributions: Mapping[str, BaseDistribution],
    objectives: int,
    evidence: Evidence,
    fixed: Parameters,
) -> dict[str, Any]:
    study = optuna.create_study(directions=["minimize"] * objectives, sampler=sampler)
    space = dict(distributions)
    study.add_trials(
        [
            create_trial(values=losses.tolist(), params=dict(parameters), distributions=space)
            for parameters, losses in evidence.measured
        ]
        + [
            create_trial(state=TrialState.RUNNING, params=dict(parameters), distributions=space)
            for parameters in evidence.running
        ]
    )
    if fixed:
        study.enqueue_trial(dict(fixed))
    return dict(study.ask(space).params)
