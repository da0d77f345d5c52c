"""The learning rate as a pure function of the fraction of the budget that is spent, and the epochs that are evaluated.

With fractions instead of epochs, a shorter trial runs the whole schedule. The paper's 120 epochs drop the learning rate
at 0.625, 0.75 and 0.833.
"""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from training.config import TrialConfig


def learning_rate_at(config: TrialConfig, progress: float) -> float:
    """Return the learning rate after the fraction `progress` of the budget.

    At each of `lr_drops` it is multiplied by `lr_drop_factor`, or set to the rate at the same index of
    `lr_after_drops` if these are given. A drop applies from its moment on: a drop at 75/120 applies to the whole 76th
    epoch.
    """
    passed = sum(progress >= drop for drop in config.lr_drops)
    if config.lr_after_drops and passed:
        return config.lr_after_drops[passed - 1]
    return config.learning_rate * config.lr_drop_factor**passed


def progress_at(config: TrialConfig, epoch: int, step: int, steps: int) -> float:
    """Return the fraction of the budget that is spent before `step` of `steps` of the epoch after `epoch` others.

    One division of whole numbers: at the beginning of an epoch it equals epoch / epochs to the last bit, so that a
    drop at 75/120 falls where it should.
    """
    return (epoch * steps + step) / (config.epochs * steps)


def is_evaluated(config: TrialConfig, epoch: int) -> bool:
    """Return whether accuracies are measured after `epoch` epochs: every `eval_every`, at each rung, and at the end."""
    return epoch % config.eval_every == 0 or epoch in config.rungs or epoch == config.last_epoch


def step_scalars(
    config: TrialConfig, weights: Callable[[float], Mapping[str, float]], *, epoch: int, steps: int
) -> Tensor:
    """Return for each step of the epoch after `epoch` others its learning rate and the weights of the terms, as rows.

    `weights` maps the fraction of the budget to the weights, always in the same order. The result is float32, to which
    a loss and an update in float32 round them anyway.
    """
    moments = [progress_at(config, epoch, step, steps) for step in range(steps)]
    rows = [[learning_rate_at(config, moment), *weights(moment).values()] for moment in moments]
    return torch.tensor(rows, dtype=torch.float32)
