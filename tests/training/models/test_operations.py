"""The operations of a step, against those of the layers."""

from pathlib import Path

import pytest
from plug_ins import plug_ins
from stand_ins import make_config

from training.models.operations import operations_of

# A convolution of 3 x 3 with 4 filters on one channel of 8 x 8, and 10 rows of 4. `reads` depends on a value.
NETS = """
import torch
from torch import nn

def plain(image_shape, num_classes):
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1, bias=False), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, num_classes)
    )

class Reads(nn.Module):
    def __init__(self, image_shape, num_classes):
        super().__init__()
        self.inner = plain(image_shape, num_classes)

    def forward(self, images):
        return self.inner(images if images.sum().item() > 0 else -images)
"""
CONVOLUTION, LINEAR = 2 * 9 * 4 * 64, 2 * 4 * 10


def test_resnet18_has_the_operations_of_its_layers() -> None:
    """1.1108 GFLOP forward: an attack step is twice that, training three times less the first input's gradient."""
    config = make_config(architecture="resnet18", attack_steps=10, eval_attack_steps=20)
    trained, evaluated = operations_of(config, 10, (3, 32, 32))
    assert trained == pytest.approx(10 * 2.2217e9 + 2 * 3.3290e9, rel=2e-3)
    assert evaluated == pytest.approx(21 * 2.2217e9, rel=2e-3)


@pytest.mark.parametrize("name", ["plain", "Reads"])
def test_a_network_from_outside_has_the_operations_of_its_layers(tmp_path: Path, name: str) -> None:
    with plug_ins(tmp_path, {"counted_nets.py": NETS}):
        config = make_config(
            architecture=f"counted_nets:{name}", bottleneck=0, objective="trades", attack_steps=3, eval_attack_steps=4
        )
        trained, evaluated = operations_of(config, 10, (1, 8, 8))
    attack = 2 * (CONVOLUTION + LINEAR)  # forward, and the gradient of the input
    train = 2 * CONVOLUTION + 3 * LINEAR  # forward, the gradient of the weights, and of the input of the last layer
    assert (trained, evaluated) == (3 * attack + 2 * train, 5 * attack)
