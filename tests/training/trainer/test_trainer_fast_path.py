"""Training with `compile: auto` against the reference, `compile: off`."""

from typing import Any

import pytest
import torch
from stand_ins import make_config, make_data
from torch import Tensor

from training.losses import Batch
from training.trainer import Trainer

# Both sides of `compile`, over networks with batch norm, dropout, residual sums, and a sampled latent.
COMPILED: list[dict[str, Any]] = [
    {"architecture": "digits_cnn"},
    {"architecture": "cnn4", "augmentation": "crop_flip"},
    {"architecture": "resnet18", "learning_rate": 0.01},
    {"attack_latent": "sample"},
    {"objective": "trades", "attack_start": "gaussian"},
    {"objective": "mma", "max_margin": 0.2, "smallest_margin": 0.05},
]


class InFloat64(Trainer):
    def _batch(self, indices: Tensor) -> Batch:
        batch = super()._batch(indices)
        return batch._replace(images=batch.images.double())


def losses_of_ten_steps(kind: type[Trainer] = Trainer, **changes: Any) -> dict[str, Tensor]:
    trainer = kind(make_config(precision="fp32", **changes), make_data(side=16, train=160), "cpu")
    with trainer._streams.active():
        return trainer._train_steps(None)[0]


@pytest.mark.parametrize("changes", COMPILED)
def test_ten_steps_of_the_fast_path_are_those_of_the_reference(changes: dict[str, Any]) -> None:
    """In float64: in float32 rounding decides the signs of gradients next to 0, and ten steps multiply that."""
    default = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        fast, reference = (losses_of_ten_steps(InFloat64, compile=mode, **changes) for mode in ("auto", "off"))
    finally:
        torch.set_default_dtype(default)
    assert len(fast["total"]) == 10
    assert fast["total"].dtype == torch.float64
    torch.testing.assert_close(fast, reference)


@pytest.mark.parametrize("architecture", ["digits_cnn", "cnn4"])
def test_so_they_are_in_float32_up_to_its_rounding(architecture: str) -> None:
    changes: dict[str, Any] = {"architecture": architecture, "learning_rate": 0.01}
    fast, reference = (losses_of_ten_steps(compile=compiled, **changes) for compiled in ("auto", "off"))
    torch.testing.assert_close(fast, reference, rtol=2e-3, atol=2e-5)
