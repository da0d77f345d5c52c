"""The samplers by their names in a space. Each proposal makes a new one.

- `motpe`: multi-objective TPE (Ozaki et al. 2022, doi:10.1613/jair.1.13188) with one joint model of all parameters.
  Running trials count as bad ones, which spreads parallel proposals.
- `nsga2`: NSGA-II (Deb et al. 2002, doi:10.1109/4235.996017) without generations. The parents are the better half of
  all measured trials, by front and crowding distance. It does not see running trials.
- `gp`: Gaussian processes with log expected hypervolume improvement, integrated over running trials. A proposal takes
  seconds when some hundred trials are measured, so it suits long trainings.
- `forecast`: Gaussian processes from rung to rung, and the expected hypervolume improvement of the final front
  (`tuner.search.forecast`).
- `random`: uniform over the space.
"""

import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, GPSampler, NSGAIISampler, RandomSampler, TPESampler
from optuna.study import Study
from optuna.trial import FrozenTrial

from training.outside_code import file_of, line_of
from tuner.errors import UsageError
from tuner.optuna_private import GP_LOGGER
from tuner.search.sampling.evidence import STARTUP_TRIALS, Evidence
from tuner.space.samplers import SAMPLERS, SamplerFacts, facts_of

logging.getLogger(GP_LOGGER).setLevel(logging.ERROR)
# Optuna's own default, an upper bound here.
_MOST_PARENTS = 50


def sampler_for(
    name: str,
    seed: int,
    evidence: Evidence,
    *,
    number: int = 0,
    search_seed: int = 0,
    distributions: Mapping[str, BaseDistribution] | None = None,
) -> BaseSampler:
    """Return Optuna's sampler of this name for one proposal; one that learns draws at random until it has evidence.

    Raise UsageError if a sampler from outside fails, or is none.
    """
    entry = SAMPLERS[name]
    if facts_of(name).learns and not evidence.enough:
        return RandomSampler(seed=seed)
    offered = {"seed": seed, "evidence": evidence, "number": number, "search_seed": search_seed}
    knobs = {knob: each.default for knob, each in entry.knobs.items()}
    with explained(name), warnings.catch_warnings():
        # Optuna calls the joint model of TPE, the GP and quasi-random sequences experimental.
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        sampler = entry.build(knobs, **offered, distributions=dict(distributions or {}))
    if not isinstance(sampler, BaseSampler):
        place = file_of(entry.target.__module__)
        rule = "but must be an Optuna sampler (optuna.samplers.BaseSampler)"
        raise UsageError(f"{place}: the sampler {name} is a {type(sampler).__name__}, {rule}.", "search.sampler")
    return sampler


@contextmanager
def explained(name: str) -> Iterator[None]:
    """Raise UsageError with the file and the line if a sampler from outside raises an error in the block."""
    module = SAMPLERS[name].target.__module__
    try:
        yield
    except (Exception, SystemExit) as error:
        if module == __name__ or isinstance(error, UsageError):
            raise
        reason = f"{type(error).__name__}: {' '.join(str(error).split())}".removesuffix(": ")
        raise UsageError(
            f"{line_of(error, module)}: the sampler {name} failed ({reason}).", "search.sampler"
        ) from error


@SAMPLERS.register("random")
def _random(*, seed: int) -> BaseSampler:
    return RandomSampler(seed=seed)


# The points of a grid are listed (`Space.grid`), so that none is left to propose.
@SAMPLERS.register("grid", facts=SamplerFacts(proposes=False))
def _grid(*, seed: int) -> BaseSampler:
    return RandomSampler(seed=seed)


@SAMPLERS.register("nsga2", facts=SamplerFacts(learns=True))
def _nsga2(*, seed: int, evidence: Evidence) -> BaseSampler:
    return NSGAIISampler(population_size=_parents(len(evidence.measured)), seed=seed)


@SAMPLERS.register("gp", facts=SamplerFacts(learns=True, slow=True))
def _gp(*, seed: int) -> BaseSampler:
    return GPSampler(seed=seed, n_startup_trials=STARTUP_TRIALS)


# The search asks the forecast itself (`tuner.search.forecast`). What is left for this one is to draw points that were
# not tried, in a space that is nearly used up.
@SAMPLERS.register("forecast", facts=SamplerFacts(learns=True, slow=True))
def _forecast(*, seed: int) -> BaseSampler:
    return RandomSampler(seed=seed)


# TPE needs its joint model to follow a front.
@SAMPLERS.register("motpe", facts=SamplerFacts(learns=True))
def _motpe(*, seed: int) -> BaseSampler:
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
