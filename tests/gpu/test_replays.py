"""The comparison of the GPU tests itself, on a CPU."""

from typing import Any

import pytest
import torch
from replays import replayed_and_computed
from stand_ins import make_config, make_data

from training.attacks import cross_entropy_of
from training.trainer import Trainer

CUDNN: Any = torch.backends.cudnn


@pytest.mark.parametrize(("precision", "setting"), [("fp32", "ieee"), ("tf32", "tf32")])
def test_both_ways_are_computed_in_the_settings_of_the_training(precision: str, setting: str) -> None:
    trainer = Trainer(make_config(precision=precision), make_data(), "cpu")
    seen = set()

    def note(*_: Any) -> None:
        seen.add((CUDNN.conv.fp32_precision, CUDNN.deterministic, CUDNN.benchmark))

    trainer._attack._network.prepare(torch.rand(16, 1, 8, 8))
    trainer._attack._network.classifier.backbone.register_forward_hook(note)
    trainer.train_epoch()
    images, loss = torch.rand(16, 1, 8, 8), cross_entropy_of(torch.arange(16) % 4)
    replayed, computed = replayed_and_computed(trainer, images, loss)
    assert seen == {(setting, True, False)}
    assert torch.equal(replayed, computed)
