"""Networks from outside the project: what an architecture may return, and what is refused before any training."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from stand_ins import ignore, make_config, make_data
from torch import Tensor, nn

from training.config import ConfigError
from training.models import build_model
from training.registry import ARCHITECTURES
from training.trainer import Trainer

SHAPE = (1, 8, 8)


@pytest.fixture
def register() -> Iterator[Callable[[Callable[..., Any]], None]]:
    """A function that registers an architecture as `mine`."""

    def as_mine(target: Callable[..., Any]) -> None:
        ARCHITECTURES.register("mine")(target)

    yield as_mine
    ARCHITECTURES._entries.pop("mine", None)


class Linear(nn.Module):
    """A network from images to `width` numbers; `change` acts on them."""

    def __init__(self, width: int, change: Callable[[Tensor], Any] = lambda output: output) -> None:
        super().__init__()
        self.linear = nn.Linear(64, width)
        self.change = change

    def forward(self, images: Tensor) -> Any:
        return self.change(self.linear(images.flatten(1)))


class WithFeatures(Linear):
    features = 12


def logits(num_classes: int) -> nn.Module:
    return Linear(num_classes)


@pytest.mark.parametrize("returned", [lambda: (Linear(12), 12), lambda: WithFeatures(12)], ids=["pair", "attribute"])
def test_bottleneck_and_head_are_put_on_features(register: Callable[..., None], returned: Callable[[], Any]) -> None:
    register(lambda image_shape: returned())  # noqa: ARG005
    model = build_model(make_config(architecture="mine", bottleneck=4), 3, SHAPE)
    assert (model.head.in_features, model.head.out_features) == (4, 3)
    model = build_model(make_config(architecture="mine", bottleneck=0, objective="trades"), 3, SHAPE)
    assert (model.head.in_features, model.head.out_features) == (12, 3)


def test_a_head_that_begins_with_zeros_is_no_fault(register: Callable[..., None]) -> None:
    """Its output is the same for all images, so that it has no gradient yet."""

    def zeros() -> nn.Module:
        network = Linear(3)
        nn.init.zeros_(network.linear.weight)
        return network

    register(zeros)
    build_model(make_config(architecture="mine", bottleneck=0, objective="trades"), 3, SHAPE)


def test_logits_are_taken_as_they_are_and_trained(register: Callable[..., None]) -> None:
    register(logits)
    config = make_config(architecture="mine", bottleneck=0, objective="trades", epochs=1)
    trainer = Trainer(config, make_data(), "cpu")
    network = trainer.model.backbone
    assert isinstance(network, Linear)
    before = network.linear.weight.detach().clone()
    trainer.run(ignore)
    images = torch.rand(2, *make_data().image_shape)
    assert torch.equal(trainer.model(images), network(images))
    assert not torch.equal(network.linear.weight, before)


def test_a_bottleneck_on_logits_is_refused(register: Callable[..., None]) -> None:
    register(logits)
    with pytest.raises(ConfigError) as refused:
        build_model(make_config(architecture="mine", bottleneck=4), 3, SHAPE)
    assert [key for key, _ in refused.value.problems] == ["bottleneck"]


def _fail() -> nn.Module:
    raise RuntimeError("no weights")


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda: 3, ["int", "torch.nn.Module"]),
        (lambda: (Linear(12), "12"), ["features"]),
        (lambda: Linear(4), ["(2, 4)", "(2, 3)"]),
        (lambda: (Linear(12), 13), ["(2, 12)", "13 features"]),
        (lambda: Linear(3, lambda output: (output, output)), ["2 outputs"]),
        (lambda: Linear(3, lambda output: {"logits": output}), ["1 outputs"]),
        (lambda: Linear(3, lambda output: output.argmax(1)), ["real numbers"]),
        (lambda: Linear(3, lambda output: output / 0), ["finite"]),
        (lambda: Linear(3, lambda output: output + torch.rand(1)), ["second call"]),
        (lambda: Linear(3, lambda output: output.detach()), ["gradient"]),
        (lambda: Linear(3, lambda output: (output * 1000).round()), ["gradient"]),
        (lambda: nn.Linear(5, 3), ["(1, 8, 8)", "RuntimeError"]),
        (_fail, ["RuntimeError", "no weights"]),
    ],
)
def test_an_unfit_network_is_refused_with_what_it_returned(
    register: Callable[..., None], build: Callable[[], Any], words: list[str]
) -> None:
    register(build)
    with pytest.raises(ConfigError) as refused:
        build_model(make_config(architecture="mine", bottleneck=0, objective="trades"), 3, SHAPE)
    ((key, message),) = refused.value.problems
    assert key == "architecture"
    assert all(word in message for word in ["mine", *words])
