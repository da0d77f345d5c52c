"""The optimiser of a configuration."""

import torch

# torch imports this with its first optimiser, and its frames then keep the model of the first trial alive until the
# next garbage collection. Importing it here avoids that.
import torch._dynamo
from torch import nn

from training.config import TrialConfig


def build_optimiser(config: TrialConfig, model: nn.Module) -> torch.optim.Optimizer:
    """Return the optimiser of a model's parameters, with the first learning rate of the configuration.

    Fused: one pass over the parameters for a step, on a CPU, too.
    """
    rate, decay = config.learning_rate, config.weight_decay
    if config.optimiser == "adam":
        return torch.optim.Adam(model.parameters(), lr=rate, weight_decay=decay, fused=True)
    return torch.optim.SGD(model.parameters(), lr=rate, momentum=config.momentum, weight_decay=decay, fused=True)
