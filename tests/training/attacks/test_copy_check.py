"""Networks that cannot be folded or traced: the attack of `compile: auto` is that of `compile: off`, with a reason."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import parametrizations, weight_norm
from toys import seeded

from training.attacks.copy_check import copy_fault
from training.attacks.inner import InnerAttack, InnerAttackSettings
from training.models import Classifier, NoBottleneck

IMAGES = torch.rand(6, 1, 8, 8, generator=seeded(1))


class Stack(nn.Sequential):
    """Convolution, batch norm, ReLU, mean; subclasses change one thing."""

    def __init__(self, convolution: nn.Module | None = None, norm: nn.Module | None = None) -> None:
        super().__init__(convolution or nn.Conv2d(1, 4, 3), norm or nn.BatchNorm2d(4), nn.ReLU())

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - torch's name
        for module in self:
            input = module(input)  # noqa: A001
        return input.mean(dim=(2, 3))


class DependsOnValues(Stack):
    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        return super().forward(input) if input.mean() > 0.2 else -super().forward(input)


class DependsOnItsCalls(Stack):
    calls = 0

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        self.calls += 1
        return super().forward(input) * self.calls


class DependsOnTheBatch(Stack):
    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        return super().forward(input) * (2 if len(input) > 2 else 1)


class DrawsNumbers(Stack):
    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        # Of its few outputs, two random masks would be equal once in 500 times.
        return super().forward(functional.dropout(input, training=True))


class FunctionalNorm(Stack):
    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        convolution, norm, relu = self
        assert isinstance(norm, nn.BatchNorm2d)
        hidden = functional.batch_norm(
            convolution(input), norm.running_mean, norm.running_var, norm.weight, norm.bias, training=self.training
        )
        mean: Tensor = relu(hidden).mean(dim=(2, 3))
        return functional.dropout(mean, training=self.training)


class ReadInPlace(Stack):
    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        hidden: Tensor = self[1](self[0](input))
        kept = hidden + 1
        return (functional.relu_(hidden) + kept).mean(dim=(2, 3))


class Shared(Stack):
    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        return super().forward(input) + super().forward(1 - input)


class NormWithActivation(nn.BatchNorm2d):
    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        return super().forward(input).tanh()


class Doubled(nn.Conv2d):
    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        return 2 * super().forward(input)


def conv() -> nn.Conv2d:
    return nn.Conv2d(1, 4, 3)


FOLDED: dict[str, Callable[[], nn.Module]] = {
    "plain": Stack,
    "functional": FunctionalNorm,
    "in place": ReadInPlace,
    "shared": Shared,
    "norm of its own": lambda: Stack(norm=NormWithActivation(4)),
    "convolution of its own": lambda: Stack(Doubled(1, 4, 3)),
    "weight norm": lambda: Stack(parametrizations.weight_norm(conv())),
    "spectral norm": lambda: Stack(parametrizations.spectral_norm(conv())),
    "without scales": lambda: Stack(norm=nn.BatchNorm2d(4, affine=False)),
    "reflected": lambda: Stack(nn.Conv2d(1, 4, 3, padding=1, padding_mode="reflect")),
    "frozen norm": lambda: Stack(norm=nn.BatchNorm2d(4).eval()),
}
NOT_FOLDED: dict[str, Callable[[], nn.Module]] = {
    "values": DependsOnValues,
    "calls": DependsOnItsCalls,
    "batch": DependsOnTheBatch,
    "random": DrawsNumbers,
}
EITHER: dict[str, Callable[[], nn.Module]] = {
    "without statistics": lambda: Stack(norm=nn.BatchNorm2d(4, track_running_stats=False)),
    "old weight norm": lambda: Stack(weight_norm(conv())),
    "group norm": lambda: Stack(norm=nn.GroupNorm(2, 4)),
}


def drawn(build: Callable[[], nn.Module]) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = build()
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d) and module.running_mean is not None:
                module.running_mean.normal_()
    return network


@pytest.mark.parametrize("name", [*FOLDED, *NOT_FOLDED, *EITHER])
def test_the_fault_is_found_and_nothing_is_changed(name: str) -> None:
    network = drawn({**FOLDED, **NOT_FOLDED, **EITHER}[name])
    before = {key: value.clone() for key, value in network.state_dict().items()}
    modes = [module.training for module in network.modules()]
    state = torch.get_rng_state()
    fault = copy_fault(network, IMAGES)
    if name not in EITHER:
        assert (fault is not None) == (name in NOT_FOLDED), fault
    assert torch.equal(torch.get_rng_state(), state)
    assert modes == [module.training for module in network.modules()]
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())


@pytest.mark.parametrize("name", [*FOLDED, *NOT_FOLDED, *EITHER])
def test_the_attack_is_that_of_the_plain_network_also_after_a_step(name: str) -> None:
    found = []
    for compiled in (False, True):
        network = drawn({**FOLDED, **NOT_FOLDED, **EITHER}[name])
        with torch.random.fork_rng():
            torch.manual_seed(1)
            model = Classifier(network, NoBottleneck(), nn.Linear(4, 3))
        settings = InnerAttackSettings(
            epsilon=0.1, step_size=0.03, steps=3, start="uniform", sampled=False, compiled=compiled
        )
        attack = InnerAttack(model, seeded(2), settings)
        torch.manual_seed(5)
        images = [attack(IMAGES, lambda logits: logits[:, 0].sum())]
        # Through the network itself, so that weights that are computed from others are stale in no copy.
        optimiser = torch.optim.SGD(model.parameters(), lr=0.1)
        torch.autograd.backward(model(IMAGES).square().sum())
        optimiser.step()
        images.append(attack(IMAGES, lambda logits: logits[:, 0].sum()))
        found.append(torch.stack(images))
        assert name in EITHER or (attack.fallback is None) == (not compiled or name in FOLDED)
    same = (found[0] - found[1]).abs().flatten(1).lt(1e-4).float().mean()
    assert same > 0.97, "but for pixels whose gradient is zero up to rounding"
