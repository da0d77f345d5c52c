import copy
import math
from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from raises_about import raises_about
from stand_ins import random_states, same_weights
from torch import Tensor
from toys import Disturbable, linear_net, relu_net, seeded

from training.attacks import (
    Adversary,
    Apgd,
    AttackError,
    CarliniWagner,
    Fab,
    Fgsm,
    MeanPath,
    Noise,
    Pgd,
    RepresentationAttack,
    Square,
    Transfer,
    auto_attack,
)
from training.attacks.adversary import distances, record_of, weights_digest


def every_adversary(epsilon: float = 0.05) -> list[Adversary]:
    return [
        Noise(epsilon=epsilon),
        Fgsm(epsilon=epsilon),
        Pgd(epsilon=epsilon, step_size=0.02, steps=4),
        Pgd(epsilon=epsilon, step_size=0.02, steps=4, restarts=3, loss="margin"),
        Pgd(epsilon=epsilon, step_size=0.02, steps=4, loss="dlr", random_start=False, draws=2),
        Apgd(epsilon=epsilon, steps=5),
        Apgd(epsilon=epsilon, steps=5, loss="dlr", draws=2),
        Apgd(epsilon=epsilon, steps=5, loss="targeted"),
        Fab(epsilon=epsilon, steps=5),
        Fab(epsilon=epsilon, steps=5, targets=0),
        Square(epsilon=epsilon, queries=20),
        Noise(epsilon=epsilon, norm="l2"),
        Fgsm(epsilon=epsilon, norm="l2"),
        Pgd(epsilon=epsilon, norm="l2", step_size=0.02, steps=4),
        Apgd(epsilon=epsilon, norm="l2", steps=5),
        Fab(epsilon=epsilon, norm="l2", steps=5),
        Square(epsilon=epsilon, norm="l2", queries=20),
        CarliniWagner(),
        RepresentationAttack(epsilon=epsilon, iterations=3, layer="1"),
        Transfer(surrogate=linear_net(4, side=5), attack=Fgsm(epsilon=epsilon)),
        MeanPath(attack=Fgsm(epsilon=epsilon)),
    ]


EVERY = [pytest.param(index, id=f"{attack.name} {attack.norm}") for index, attack in enumerate(every_adversary())]


def images_and_labels(seed: int = 0) -> tuple[Tensor, Tensor]:
    return torch.rand(9, 1, 5, 5, generator=seeded(seed)), torch.arange(9) % 4


@pytest.mark.parametrize("index", EVERY)
@settings(max_examples=8)
@given(epsilon=st.sampled_from([0.0, 1e-4, 0.03, 0.5, 1.0]), seed=st.integers(0, 100))
def test_keeps_to_the_ball_and_the_box(index: int, epsilon: float, seed: int) -> None:
    attack = every_adversary(epsilon)[index]
    images, labels = images_and_labels(seed)
    found = attack(relu_net(side=5), images, labels, seed=seed)
    assert found.dtype == torch.float32
    assert not found.requires_grad
    assert found.min() >= 0
    assert found.max() <= 1
    assert distances(images, found, attack.norm).max() <= attack.epsilon + 1e-6


@pytest.mark.parametrize("index", EVERY)
def test_leaves_model_and_random_states_as_they_were(index: int) -> None:
    attack, model = every_adversary()[index], Disturbable(side=5)
    if isinstance(attack, RepresentationAttack):
        attack = RepresentationAttack(epsilon=0.05, layer="layers.2")
    if isinstance(attack, Transfer):
        attack = Transfer(surrogate=model, attack=attack.attack)
    images, labels = images_and_labels()
    touched = model.get_parameter("layers.0.weight")
    touched.grad = torch.ones_like(touched)
    before, inputs = copy.deepcopy(model), images.clone()
    randomness = random_states()
    with torch.no_grad():
        first = attack(model, images, labels, seed=5)
    assert model.flags() == before.flags()
    assert same_weights(model, before)
    assert torch.equal(touched.grad, torch.ones_like(touched))
    assert all(parameter.grad is None for parameter in list(model.parameters())[1:])
    assert random_states() == randomness
    assert torch.equal(images, inputs)
    torch.rand(3)
    assert torch.equal(attack(model, images, labels, seed=5), first)


@pytest.mark.parametrize("index", EVERY)
def test_takes_images_in_channels_last(index: int) -> None:
    attack, model = every_adversary()[index], relu_net(side=5)
    images, labels = images_and_labels()
    expected = attack(model, images, labels, seed=0)
    odd = images.to(memory_format=torch.channels_last).transpose(2, 3).contiguous().transpose(2, 3)
    assert not odd.is_contiguous()
    torch.testing.assert_close(attack(model, odd, labels, seed=0), expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("index", EVERY)
def test_is_an_adversary_that_its_record_describes(index: int) -> None:
    attack = every_adversary()[index]
    assert isinstance(attack, Adversary)
    assert record_of(attack) == record_of(every_adversary()[index])
    assert record_of(attack) != record_of(every_adversary(0.06)[index]) or math.isinf(attack.epsilon)
    records = [str(record_of(other)) for other in every_adversary()]
    assert records.count(str(record_of(attack))) == 1


@pytest.mark.parametrize("epsilon", [-0.1, 1.5, 8.0, math.nan])
@pytest.mark.parametrize("kind", [Noise, Fgsm, Apgd, Fab, Square, RepresentationAttack])
def test_an_epsilon_outside_the_unit_is_refused(kind: type[Noise], epsilon: float) -> None:
    with raises_about(AttackError, "epsilon"):
        kind(epsilon=epsilon)


@pytest.mark.parametrize("kind", [Noise, Fgsm, Apgd, Fab, Square])
def test_in_l2_an_epsilon_may_be_above_1_but_not_below_0(kind: type[Noise]) -> None:
    assert kind(epsilon=3.0, norm="l2").epsilon == 3
    for epsilon in (-0.1, math.nan, math.inf):
        with raises_about(AttackError, "epsilon"):
            kind(epsilon=epsilon, norm="l2")
    with raises_about(AttackError, "norm"):
        kind(epsilon=0.1, norm="l1")


@pytest.mark.parametrize(
    ("wrong", "parameters"),
    [
        (lambda: Pgd(epsilon=0.05, step_size=0.1, steps=0), ("steps",)),
        (lambda: Pgd(epsilon=0.05, step_size=0.0, steps=1, restarts=0), ("restarts", "step_size")),
        (lambda: Pgd(epsilon=0.05, step_size=0.1, steps=1, loss="kl"), "loss"),
        (lambda: Apgd(epsilon=0.05, loss="margin"), "loss"),
        (lambda: Apgd(epsilon=0.05, steps=0), ("steps",)),
        (lambda: Fab(epsilon=0.05, targets=-1), "targets"),
        (lambda: Square(epsilon=0.05, queries=0), ("queries",)),
        (lambda: CarliniWagner(c=0), ("c",)),
        (lambda: CarliniWagner(kappa=-1), "kappa"),
        (lambda: RepresentationAttack(epsilon=0.05, iterations=0), ("iterations",)),
        (lambda: auto_attack(0.1, version="plus"), "version"),
    ],
)
def test_parameters_out_of_range_are_refused(wrong: Callable[[], object], parameters: object) -> None:
    with raises_about(AttackError, parameters):
        wrong()


def test_distances() -> None:
    images = torch.zeros(2, 1, 2, 2)
    moved = torch.tensor([[3.0, 4.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.5]]).view(2, 1, 2, 2)
    assert distances(images, moved, "linf").tolist() == [4.0, 0.5]
    assert distances(images, moved, "l2").tolist() == [5.0, 0.5]


def test_the_digest_of_weights_sees_every_value() -> None:
    model = relu_net()
    assert weights_digest(model) == weights_digest(copy.deepcopy(model))
    other = copy.deepcopy(model)
    with torch.no_grad():
        next(other.parameters())[0, 0] += 1e-6
    assert weights_digest(other) != weights_digest(model)
