"""Loads the state of an optimiser for parameters that may lie in memory in another order than when it was saved."""

from collections.abc import Mapping
from typing import Any

import torch


def load_optimiser_state(optimiser: torch.optim.Optimizer, state: Mapping[str, Any]) -> None:
    """Load a result of `optimiser.state_dict()`; afterwards both share no tensor.

    Each tensor of a parameter's shape gets the parameter's order in memory (channels last or not). A fused optimiser
    takes the elements in the order of the memory: with two orders it mixes them on a CPU, and raises on CUDA.
    """
    optimiser.load_state_dict(dict(state))
    for parameter, values in optimiser.state.items():
        for name, value in values.items():
            if isinstance(value, torch.Tensor):
                like = parameter if value.shape == parameter.shape and name != "step" else value
                values[name] = torch.empty_like(like, dtype=value.dtype, requires_grad=False).copy_(value)
