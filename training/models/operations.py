"""Counts the floating-point operations of a training step and of an evaluated image, from the shapes alone."""

from copy import deepcopy
from typing import NamedTuple

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from training.compute.random_streams import preserved_randomness
from training.config import TrialConfig
from training.models import build_model


class Operations(NamedTuple):
    """The operations of one image in a training step, and in an evaluation."""

    trained: float
    evaluated: float


def operations_of(config: TrialConfig, classes: int, shape: tuple[int, int, int]) -> Operations:
    """Count the operations of one image of `shape` (channels, height, width).

    Nothing is computed, unless the code of a network reads values: then two images are.

    A training step has K attack steps (forward, input gradient), and two images forward and backward. An evaluation
    has its attack steps and two forward passes. A multiplication and its addition count as two. The head and the
    losses, which are left out, are below 0.1 %.
    """
    with preserved_randomness(torch.device("cpu")):
        model = build_model(config, classes, shape)
        try:
            attack, train = _both_counted(deepcopy(model).to("meta"), shape)
        except Exception:  # noqa: BLE001 - tensors without values stop the code of any network in a way of its own
            attack, train = _both_counted(model, shape)
    return Operations(config.attack_steps * attack + 2 * train, (config.eval_attack_steps + 1) * attack)


def _both_counted(model: nn.Module, shape: tuple[int, int, int]) -> tuple[float, float]:
    """Return the operations of one image for the gradient of its pixels, and for that of the weights."""
    return _counted(model, shape, weights=False), _counted(model, shape, weights=True)


def _counted(model: nn.Module, shape: tuple[int, int, int], *, weights: bool) -> float:
    """Count the operations of one image, forward and backward; two images, because batch norm refuses one."""
    model.requires_grad_(weights)
    device = next(model.parameters()).device
    leaf = torch.rand(2, *shape, device=device).requires_grad_(not weights)
    with FlopCounterMode(display=False) as counter:
        model(leaf).sum().backward()
    return float(counter.get_total_flops()) / 2
