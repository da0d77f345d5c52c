"""The samplers by their names in a space. Each proposal makes a new one.

- `motpe`: multi-objective TPE (Ozaki et al. 2022, doi:10.1613/jair.1.13188) with one joint model of all parameters.
  Running trials count as bad ones, which spreads parallel proposals.
- `nsga2`: NSGA-II (Deb et al. 2002, doi:10.1109/4235.996017) without generations. The parents are the better half of
  all measured trials, by front and crowding distance. It does not see running trials.
- `gp`: Gaussian processes with log expected hypervolume improvement, integrated over running trials. A proposal takes
  seconds when some hundred trials are measured, so it suits long trainings.
- `random`: uniform over the space.
"""

import logging
import warnings

import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, GPSampler, NSGAIISampler, RandomSampler, TPESampler
from optuna.study import Study
from optuna.trial import FrozenTrial

from tuner.optuna_private import GP_LOGGER
from tuner.search.sampling.evidence import STARTUP_TRIALS, Evidence

logging.getLogger(GP_LOGGER).setLevel(logging.ERROR)
# Optuna's own default, an upper bound here.
_MOST_PARENTS = 50


def sampler_for(name: str, seed: int, evidence: Evidence) -> BaseSampler:
    """Return Optuna's sampler of this name; `random` until there is enough evidence for a model."""
    if name == "random" or not evidence.enough:
        return RandomSampler(seed=seed)
    if name == "nsga2":
        return NSGAIISampler(population_size=_parents(len(evidence.measured)), seed=seed)
    with warnings.catch_warnings():
        # Optuna calls the joint model of TPE and the GP experimental. TPE needs the joint model to follow a front.
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        if name == "gp":
            return GPSampler(seed=seed, n_startup_trials=STARTUP_TRIALS)
        return _SameSpace(multivariate=True, constant_liar=True, n_startup_trials=STARTUP_TRIALS, seed=seed)


class _SameSpace(TPESampler):
    """TPE for trials that all have the same parameters. Optuna would compare all trials to find that out."""

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Return the parameters of the joint model by name: all that have more than one value."""
        del trial
        space = study.get_trials(deepcopy=False)[0].distributions
        return {name: space[name] for name in sorted(space) if not space[name].single()}


def _parents(measured: int) -> int:
    """Return half of the trials, as a generation keeps half of parents and children; NSGA-II needs at least two."""
    return max(STARTUP_TRIALS // 2, min(_MOST_PARENTS, measured // 2))
