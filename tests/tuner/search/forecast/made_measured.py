"""Measured trials with known relations between levels, for the tests of the forecast."""

from collections.abc import Callable

import numpy as np

from tuner.pareto.objectives import FloatArray
from tuner.search.forecast.measured import Level, Measured, Unmeasured, Wanted

EPOCHS = (3, 9, 27)
# From the inputs, (n, d), and the losses of the level before, (n, m), to the losses of the next level, (n, m).
Step = Callable[[FloatArray, FloatArray], FloatArray]


def made(
    inputs: FloatArray,
    first: FloatArray,
    steps: tuple[Step, Step],
    reached: tuple[int, int, int] | None = None,
    *,
    running: tuple[Unmeasured, ...] = (),
    failed: tuple[Unmeasured, ...] = (),
    limits: FloatArray | None = None,
    constraints: int = 0,
    lost: frozenset[int] = frozenset(),
) -> Measured:
    """Return trials at (n, d) inputs with `first` losses, (n, m), of which the first `reached` are at each level."""
    reached = reached or (len(inputs),) * 3
    levels, losses = [], first
    for index, count in enumerate(reached):
        before = None if index == 0 else losses[:count]
        losses = losses[:count] if before is None else steps[index - 1](inputs[:count], before)
        levels.append(Level(tuple(range(count)), inputs[:count], before, losses))
    nowhere = np.full(losses.shape[1] - constraints, -np.inf)
    return Measured(EPOCHS, tuple(levels), running, failed, Wanted(limits, constraints, nowhere), lost)


def linear(slope: float, effect: float, noise: float = 0.0, seed: int = 0) -> Step:
    """Return a step to slope * the loss before + effect * the first input + noise."""

    def step(inputs: FloatArray, before: FloatArray) -> FloatArray:
        extra = np.random.default_rng(seed).normal(0.0, noise, before.shape) if noise else 0.0
        return np.asarray(slope * before + effect * inputs[:, :1] + extra)

    return step
