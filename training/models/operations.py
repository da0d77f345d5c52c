"""Counts the floating-point operations of a training step and of an evaluated image, from the shapes alone."""

from typing import NamedTuple

import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils.flop_counter import FlopCounterMode

from training.config import TrialConfig
from training.models import build_model


class Operations(NamedTuple):
    """The operations of one image in a training step, and in an evaluation."""

    trained: float
    evaluated: float


def operations_of(config: TrialConfig, classes: int, shape: tuple[int, int, int]) -> Operations:
    """Count the operations of one image of `shape` (channels, height, width); nothing is computed.

    A training step has K attack steps (forward, input gradient), and two images forward and backward. An evaluation
    has its attack steps and two forward passes. A multiplication and its addition count as two. The head and the
    losses, which are left out, are below 0.1 %.
    """
    with FakeTensorMode():
        model = build_model(config, classes, shape)
        attack, train = (_counted(model, shape, weights=weights) for weights in (False, True))
    return Operations(config.attack_steps * attack + 2 * train, (config.eval_attack_steps + 1) * attack)


def _counted(model: nn.Module, shape: tuple[int, int, int], *, weights: bool) -> float:
    """Count the operations of one image, forward and backward; two images, because batch norm refuses one."""
    model.requires_grad_(weights)
    leaf = torch.rand(2, *shape).requires_grad_(not weights)
    with FlopCounterMode(display=False) as counter:
        model(leaf).sum().backward()
    return float(counter.get_total_flops()) / 2
