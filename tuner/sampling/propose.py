"""Proposals by Optuna's multi-objective TPE, a pure function of the evidence, the seed and the trial's number.

No sampler state lives from one proposal to the next, so nothing has to be saved: a resumed search proposes
what the uninterrupted one would have proposed.
"""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.trial import TrialState, create_trial

from tuner.objectives import FloatArray

# Optuna's own default for the number of random trials before a model is fitted.
STARTUP_TRIALS = 10
_ATTEMPTS = 64

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

    A point that was tried already is drawn again, up to 64 times, the later ones at random: a space of few
    categories may have no other left.
    """
    tried = [dict(point) for point in evidence.tried]
    point: dict[str, Any] = {}
    for attempt in range(_ATTEMPTS):
        draw = np.random.SeedSequence((seed, number, attempt)).generate_state(1)[0]
        # A model that keeps coming back to one point of a small space is given up for chance.
        name = sampler if attempt < _ATTEMPTS // 2 else "random"
        point = _ask(_sampler(name, int(draw)), distributions, objectives, evidence, fixed or {})
        if point not in tried:
            break
    return point


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
