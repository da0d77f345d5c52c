"""Training with `compile: auto` against the reference, `compile: off`."""

import copy
from typing import Any

import pytest
import torch
from stand_ins import make_config, make_data, same_weights
from torch import Tensor

from training.attacks import cross_entropy_of
from training.data.augment import to_unit
from training.losses import Batch
from training.trainer import Trainer
from training.trainer.measured import MEASURING_SEED
from training.trainer.validation import exact_attack, validate

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


@pytest.mark.parametrize("optimiser", ["sgd", "adam"])
def test_a_state_from_a_device_with_another_order_of_channels_goes_on_the_same(optimiser: str) -> None:
    """As on a GPU after a CPU: the weights lie in the device's order, and so must momentum and moments."""
    config = make_config(optimiser=optimiser, precision="fp32")
    first = Trainer(config, make_data(), "cpu")
    first.train_epoch()
    state = copy.deepcopy(first.state())
    moved = copy.deepcopy(state)
    for values in moved["optimiser"]["state"].values():
        for name, value in values.items():
            order = torch.channels_last if value.ndim == 4 and value.is_contiguous() else torch.contiguous_format
            values[name] = value.clone(memory_format=order) if value.ndim == 4 else value
    models = []
    for loaded in (state, moved):
        trainer = Trainer(config, make_data(), "cpu")
        trainer.load_state(loaded)
        trainer.train_epoch()
        models.append(trainer.model)
    assert same_weights(*models)


@pytest.mark.parametrize("architecture", ["digits_cnn", "cnn4"])
def test_so_they_are_in_float32_up_to_its_rounding(architecture: str) -> None:
    changes: dict[str, Any] = {"architecture": architecture, "learning_rate": 0.01}
    fast, reference = (losses_of_ten_steps(compile=compiled, **changes) for compiled in ("auto", "off"))
    torch.testing.assert_close(fast, reference, rtol=2e-3, atol=2e-5)


@pytest.mark.parametrize(("architecture", "side"), [("digits_cnn", 8), ("cnn4", 16), ("resnet18", 8)])
def test_the_folded_attack_of_the_validation_finds_the_images_of_the_plain_one(architecture: str, side: int) -> None:
    """From the same starts, up to rounding; the predictions are those of the model itself."""
    config = make_config(architecture=architecture, precision="fp32", eval_images=20)
    data = make_data(side=side)
    trainer = Trainer(config, data, "cpu")
    trainer.train_epoch()
    plain = exact_attack(trainer.model, config, trainer.device)
    images, labels = to_unit(data.validation.images[:16]), data.validation.labels[:16]
    found = []
    for attack in (trainer.validation_attack, plain):
        attack.generator.manual_seed(MEASURING_SEED)
        found.append(attack.find(images, cross_entropy_of(labels)))
    assert (found[0] == found[1]).double().mean().item() > 0.99
    measured = [validate(trainer.model, data.validation, config, attack=a) for a in (trainer.validation_attack, plain)]
    assert measured[0] == pytest.approx(measured[1], abs=0.05)
    assert trainer.history[-1]["pgd_accuracy"] == measured[0]["pgd_accuracy"]


def test_predictions_are_exact_whatever_the_attack_computes() -> None:
    trainer = Trainer(make_config(precision="tf32"), make_data(), "cpu")
    cudnn: Any = torch.backends.cudnn
    seen = []
    trainer.model.backbone.register_forward_hook(lambda *_: seen.append(("predicts", cudnn.conv.fp32_precision)))
    trainer._attack._network.prepare(torch.rand(4, 1, 8, 8))
    seen.clear()
    attacked = trainer._attack._network.classifier.backbone
    attacked.register_forward_hook(lambda *_: seen.append(("attacks", cudnn.conv.fp32_precision)))
    trainer._validated(4)
    assert set(seen) == {("predicts", "ieee"), ("attacks", "tf32")}
