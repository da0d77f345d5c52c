"""The operations of a step, against those of the layers."""

import pytest
from stand_ins import make_config

from training.models.operations import operations_of


def test_resnet18_has_the_operations_of_its_layers() -> None:
    """1.1108 GFLOP forward: an attack step is twice that, training three times less the first input's gradient."""
    config = make_config(architecture="resnet18", attack_steps=10, eval_attack_steps=20)
    trained, evaluated = operations_of(config, 10, (3, 32, 32))
    assert trained == pytest.approx(10 * 2.2217e9 + 2 * 3.3290e9, rel=2e-3)
    assert evaluated == pytest.approx(21 * 2.2217e9, rel=2e-3)
