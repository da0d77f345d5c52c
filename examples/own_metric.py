"""Search by a metric of your own: the share of the weights that could be left out, as a third objective.

Its name ends in `_share`, so it is shown in per cent. Run, in the folder `examples`:
    tuner run --space own_metric.yaml
"""

import torch
from torch import nn

THRESHOLD = 0.01


def small_weight_share(model: nn.Module) -> float:
    """Return the share in [0, 1] of the weights that are smaller than 0.01."""
    weights = torch.cat([weight.detach().flatten() for weight in model.parameters()])
    return float((weights.abs() < THRESHOLD).double().mean())
