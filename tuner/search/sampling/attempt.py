"""A sampler from outside, tried before a search: it must propose, inside the space, and twice the same."""

import numpy as np

from training.outside_code import is_outside
from tuner.errors import UsageError
from tuner.search.sampling.evidence import STARTUP_TRIALS, Evidence
from tuner.search.sampling.propose import propose
from tuner.space import Space


def try_sampler(space: Space) -> None:
    """Propose without evidence, and with made-up evidence. Raise UsageError if the sampler is unfit for the space.

    Samplers of the project are not tried.
    """
    name, seed = space.search.sampler, space.search.seed
    if not is_outside(name) and not space.imports:
        return
    rng = np.random.default_rng(0)
    distributions, objectives = space.distributions(), len(space.objectives)
    points = [
        propose(
            "random", distributions, objectives, Evidence([], [], []), seed=0, number=n, conditions=space.conditions
        )
        for n in range(2 * STARTUP_TRIALS)
    ]
    measured = [(point, rng.random(objectives)) for point in points]
    for evidence in (Evidence([], [], []), Evidence(measured, points[:1], [])):
        proposed = [
            propose(name, distributions, objectives, evidence, seed=seed, number=7, conditions=space.conditions)
            for _ in range(2)
        ]
        if proposed[0] != proposed[1]:
            raise UsageError(
                f"The sampler {name} proposed {proposed[0]} and then {proposed[1]} for the same trial, but a proposal "
                "must follow from the ledger, the seed and the trial's number: draw with the seed that it is given.",
                "search.sampler",
            )
