"""What only a GPU can show of recordings: skipped elsewhere."""

from typing import Any

import pytest
import torch
from replays import replayed_and_computed
from stand_ins import make_config, make_data

from training.attacks import cross_entropy_of
from training.trainer import Trainer

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU"),
]
AGREEING = 0.99


@pytest.mark.parametrize(
    "changes",
    [
        {"precision": "fp32"},
        {"precision": "bf16"},
        {"architecture": "resnet18", "precision": "fp32"},
        {"objective": "trades", "precision": "fp32"},
        {"views": [0, 0.5, 1], "precision": "fp32"},
        {"optimiser": "adam", "architecture": "cnn4", "precision": "fp32"},
    ],
)
def test_replays_follow_the_weights(changes: dict[str, Any]) -> None:
    """After steps of the optimiser and after a restored state they are what the steps one by one are."""
    trainer = Trainer(make_config(**changes), make_data(side=16), "cuda")
    trainer.train_epoch()
    assert trainer.fallbacks == []
    images = torch.rand(16, 1, 16, 16, device="cuda")
    loss = cross_entropy_of(torch.arange(16, device="cuda") % 4)
    for _ in range(2):
        replayed, computed = replayed_and_computed(trainer, images, loss)
        assert (replayed == computed).double().mean().item() > AGREEING
        trainer.model.load_state_dict({name: 0.9 * value for name, value in trainer.model.state_dict().items()})
