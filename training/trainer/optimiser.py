"""The optimiser that a configuration names."""

import torch

# With its first optimiser torch would import this, and keep the frames that led there, and so the first trial's model,
# until Python next looks for cycles.
import torch._dynamo
from torch import nn

from training.config import TrialConfig


def build_optimiser(config: TrialConfig, model: nn.Module) -> torch.optim.Optimizer:
    """Give the optimiser of a model's parameters, at the configuration's first learning rate.

    Fused: one pass over the parameters for a step, on a CPU, too.
    """
    rate, decay = config.learning_rate, config.weight_decay
    if config.optimiser == "adam":
        return torch.optim.Adam(model.parameters(), lr=rate, weight_decay=decay, fused=True)
    return torch.optim.SGD(model.parameters(), lr=rate, momentum=config.momentum, weight_decay=decay, fused=True)
