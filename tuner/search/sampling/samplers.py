"""The samplers by their names in a space, each made anew for one question.

- `motpe`: multi-objective TPE (Ozaki et al. 2022, doi:10.1613/jair.1.13188), one joint model of all parameters;
  running trials count among the bad ones, which spreads parallel proposals.
- `nsga2`: NSGA-II (Deb et al. 2002, doi:10.1109/4235.996017) without generations: the parents are the better half
  of all measured trials, by front and crowding distance. It knows nothing of running trials.
- `gp`: Gaussian processes and log expected hypervolume improvement, with running trials integrated out. Needs
  seconds for a proposal at some hundred trials, so it fits long trainings.
- `random`: uniform over the space.
"""

import logging
import warnings

import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, GPSampler, NSGAIISampler, RandomSampler, TPESampler
from optuna.study import Study
from optuna.trial import FrozenTrial

from tuner.search.sampling.evidence import STARTUP_TRIALS, Evidence

# It warns at every proposal of a package that would make it faster, and of a search that converges.
logging.getLogger("optuna._gp").setLevel(logging.ERROR)
# Optuna's own default, an upper bound here.
_MOST_PARENTS = 50


def sampler_for(name: str, seed: int, evidence: Evidence) -> BaseSampler:
    """Give Optuna's sampler of this name in a space; `random` as long as there is not enough evidence for a model.

    Raises:
        ValueError: if no sampler has this name.

    """
    if name not in {"motpe", "nsga2", "gp", "random"}:
        raise ValueError(f"The sampler is {name!r}, but must be one of motpe, nsga2, gp, random.")
    if name == "random" or not evidence.enough:
        return RandomSampler(seed=seed)
    if name == "nsga2":
        return NSGAIISampler(population_size=_parents(len(evidence.measured)), seed=seed)
    with warnings.catch_warnings():
        # The joint model of all parameters is what makes TPE follow a front; it is experimental in name, as is GP.
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        if name == "gp":
            return GPSampler(seed=seed, n_startup_trials=STARTUP_TRIALS)
        return _SameSpace(multivariate=True, constant_liar=True, n_startup_trials=STARTUP_TRIALS, seed=seed)


class _SameSpace(TPESampler):
    """TPE for trials that all have the same parameters, which it would find out by comparing each with each."""

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Give the parameters that are modelled jointly: all that have more than one value, by name."""
        del trial
        space = study.get_trials(deepcopy=False)[0].distributions
        return {name: space[name] for name in sorted(space) if not space[name].single()}


def _parents(measured: int) -> int:
    """Take half, as a generation keeps half of parents and children; NSGA-II wants at least two."""
    return max(STARTUP_TRIALS // 2, min(_MOST_PARENTS, measured // 2))
