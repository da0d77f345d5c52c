"""Attacks in files that lie in a folder of the test: what they are given, and what is refused."""

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from plug_ins import plug_ins
from raises_about import raises_about
from stand_ins import random_states
from torch import Tensor
from toys import Disturbable

from training.attacks import AttackError, MeanPath, Scale, attacks_of, facts_of
from training.attacks.adversary import Adversary, record_of
from training.attacks.from_outside import OutsideAttack
from training.registry import ATTACKS

SCALE = Scale(epsilon=0.1, step_size=0.02, rate=0.01, classes=4)
CODE = """
import random

import torch
from training.attacks import AttackFacts, pgd
from training.config.fields import whole
from training.registry import ATTACKS

def shift(images, epsilon, towards=1.0):
    return (images + epsilon * towards).clamp(0, 1)

def along(images, epsilon, norm):
    length = images[0].numel() ** 0.5 if norm == "l2" else 1
    return images + (0.5 - images).sign() * epsilon / length

class Ascent:
    def __init__(self, steps: int = 3, step_size: float = 0.01) -> None:
        self.steps, self.step_size = steps, step_size

    def __call__(self, model, images, labels, epsilon):
        moved = images.clone()
        for _ in range(self.steps):
            moved.requires_grad_()
            torch.nn.functional.cross_entropy(model(moved), labels).backward()
            step = moved.detach() + self.step_size * moved.grad.sign()
            moved = torch.min(torch.max(step, images - epsilon), images + epsilon).clamp(0, 1)
        return moved

@ATTACKS.register("far", facts=AttackFacts(norm="l2", bounded=False, cost="none"), most=whole(3, 1))
def far(images, most):
    return 1 - images

@ATTACKS.register("in_l2", facts=AttackFacts(norm="l2"))
def in_l2(images, epsilon):
    return images

def drawn(images, generator, epsilon):
    noise = torch.rand(images.shape, generator=generator) + torch.rand(images.shape) + random.random()
    return (images + epsilon * (noise / 3 - 0.5)).clamp(0, 1)

def nothing(images): pass
def smaller(images): return images[:1]
def whole_numbers(images): return images.round().int()
def nan(images): return images * float("nan")
def outside_of_the_ball(images): return 1 - images
def outside_of_the_box(images): return images - 0.05
def raises(images): raise ValueError("no luck")
def stops(images): raise SystemExit(3)
def in_place(images, epsilon): return images.sub_(epsilon).clamp_(0, 1)
def trains(model, images):
    model.train()
    model(images)
    return images
def steps(model, images):
    with torch.no_grad():
        next(model.parameters()).add_(1)
    return images
def leaves_gradients(model, images):
    for parameter in model.parameters():
        parameter.requires_grad_()
    model(images).sum().backward()
    return images
def greedy(images, budget): return images
def many(*anything): return anything
def builds_nothing(): return 3
def builds_greedy(): return lambda images, budget: images
def fails_to_build(depth=3): raise OSError("no file")
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path) -> Iterator[Path]:
    with plug_ins(tmp_path, {"my_attacks.py": CODE}):
        yield tmp_path
    for name in ("far", "in_l2"):
        ATTACKS._entries.pop(name, None)


@pytest.fixture
def model() -> Disturbable:
    return Disturbable(6)


@pytest.fixture
def images() -> Tensor:
    return torch.rand(5, 1, 6, 6, generator=torch.Generator().manual_seed(0)) * 0.6 + 0.2


LABELS = torch.tensor([0, 1, 2, 3, 0])


def one(text: str) -> OutsideAttack:
    (attack,) = attacks_of(text, SCALE)
    assert isinstance(attack, OutsideAttack)
    return attack


def test_a_function_gets_what_it_asks_for(model: Disturbable, images: Tensor) -> None:
    attack = one("my_attacks:shift(towards=1/2)")
    assert isinstance(attack, Adversary)
    assert (attack.name, attack.norm, attack.epsilon) == ("my_attacks:shift(towards=0.5)", "linf", 0.1)
    assert torch.equal(attack(model, images, LABELS, seed=0), (images + 0.05).clamp(0, 1))
    assert one("my_attacks:shift").name == "my_attacks:shift(towards=1)"


def test_a_class_is_built_with_its_parameters_and_called_with_the_images(model: Disturbable, images: Tensor) -> None:
    weak, strong = one("my_attacks:Ascent(steps=1)"), one("my_attacks:Ascent(steps=10)")
    assert (weak.name, strong.name) == ("my_attacks:Ascent(steps=1)", "my_attacks:Ascent(steps=10)")

    def loss(attack: OutsideAttack) -> float:
        model.eval()
        found = attack(model, images, LABELS, seed=0)
        return torch.nn.functional.cross_entropy(model(found), LABELS).item()

    assert loss(weak) < loss(strong)
    assert torch.allclose(strong(model, images, LABELS, seed=0), images, atol=0.1 + 1e-6)


def test_the_sizes_of_the_evaluation_are_offered_to_the_one_who_builds() -> None:
    # Ascent's own step size is replaced by the evaluation's, because a size has that name.
    assert dict(one("my_attacks:Ascent").sizes)["step_size"] == SCALE.step_size
    assert dict(one("my_attacks:Ascent(step_size=0.5)").sizes)["step_size"] == 0.5
    assert one("my_attacks:Ascent(epsilon=1/20)").epsilon == 0.05


def test_what_is_registered_has_its_name_knobs_and_facts(model: Disturbable, images: Tensor) -> None:
    for text in ("my_attacks:far", "far", "far(most=2)"):
        attack = one(text)
        assert (attack.norm, attack.epsilon, facts_of(text).bounded) == ("l2", math.inf, False)
        assert torch.equal(attack(model, images, LABELS, seed=0), 1 - images)
    with raises_about(AttackError, "far(most=0)"):
        one("far(most=0)")
    assert one("my_attacks:in_l2(epsilon=3)").epsilon == 3
    with raises_about(AttackError, "in_l2"):
        one("in_l2")


def test_in_an_evaluation_in_l2_an_attack_says_or_asks_for_the_norm(model: Disturbable, images: Tensor) -> None:
    scale = replace(SCALE, norm="l2", epsilon=0.5)
    (asking,), (own,) = attacks_of("my_attacks:along", scale), attacks_of("in_l2", scale)
    assert [(attack.norm, attack.epsilon) for attack in (asking, own)] == [("l2", 0.5)] * 2
    found = asking(model, images, LABELS, seed=0)
    assert (found - images).flatten(1).norm(dim=1).max() == pytest.approx(0.5, abs=1e-6)
    with raises_about(AttackError, "my_attacks:shift"):
        attacks_of("my_attacks:shift", scale)
    (beside,) = attacks_of("my_attacks:shift(epsilon=0.1)", scale)
    assert (beside.norm, beside.epsilon) == ("linf", 0.1)
    assert one("my_attacks:along").norm == "linf"


def test_all_randomness_follows_from_the_seed(model: Disturbable, images: Tensor) -> None:
    attack, before = one("my_attacks:drawn"), random_states()
    first = attack(model, images, LABELS, seed=3)
    assert random_states() == before
    assert torch.equal(attack(model, images, LABELS, seed=3), first)
    assert not torch.equal(attack(model, images, LABELS, seed=4), first)


def test_the_record_changes_with_the_code_and_the_parameters(folder: Path) -> None:
    first = record_of(one("my_attacks:shift"))
    assert record_of(one("my_attacks:shift")) == first
    assert record_of(one("my_attacks:shift(towards=-1)")) != first
    (folder / "my_attacks.py").write_text(CODE + "# changed\n")
    assert record_of(one("my_attacks:shift")) != first


def test_sampled_latents_are_attacked_on_the_mean_path() -> None:
    (attack,) = attacks_of("my_attacks:shift", SCALE, sampled=True)
    assert isinstance(attack, MeanPath)


def test_the_images_and_the_model_are_left_as_they_were(model: Disturbable, images: Tensor) -> None:
    kept, flags = images.clone(), model.flags()
    found = one("my_attacks:in_place")(model, images, LABELS, seed=0)
    assert torch.equal(images, kept)
    assert torch.equal(found, kept - 0.1)
    one("my_attacks:leaves_gradients")(model, images, LABELS, seed=0)
    assert all(parameter.grad is None for parameter in model.parameters())
    assert model.flags() == flags


@pytest.mark.parametrize("name", ["trains", "steps"])
def test_a_changed_model_is_put_back_and_the_attack_refused(model: Disturbable, images: Tensor, name: str) -> None:
    before = {key: value.clone() for key, value in model.state_dict().items()}
    flags = model.flags()
    with raises_about(AttackError, f"my_attacks:{name}"):
        one(f"my_attacks:{name}")(model, images, LABELS, seed=0)
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
    assert model.flags() == flags


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nothing", ["NoneType", "(5, 1, 6, 6)"]),
        ("smaller", ["(1, 1, 6, 6)", "(5, 1, 6, 6)"]),
        ("whole_numbers", ["int32"]),
        ("nan", ["not finite"]),
        ("outside_of_the_ball", ["within 0.1", "bounded=False"]),
        ("outside_of_the_box", ["[0, 1]", "clamp"]),
        ("raises", ["line", "ValueError: no luck"]),
        ("stops", ["line", "SystemExit: 3"]),
    ],
)
def test_what_is_no_attack_is_named_with_its_file(
    folder: Path, model: Disturbable, images: Tensor, name: str, words: list[str]
) -> None:
    with raises_about(AttackError, f"my_attacks:{name}") as refused:
        one(f"my_attacks:{name}")(model, images * 0.1, LABELS, seed=0)
    assert all(word in str(refused.value) for word in [str(folder / "my_attacks.py"), *words])


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("my_attacks:greedy", "budget"),
        ("my_attacks:many", "images"),
        ("my_attacks:builds_nothing", "int"),
        ("my_attacks:builds_greedy", "budget"),
        ("my_attacks:fails_to_build", "OSError: no file"),
        ("my_attacks:shift(toward=1)", "towards?"),
        ("my_attacks:shift(towards=left)", "a number"),
        ("my_attacks:shfit", "shift?"),
    ],
)
def test_what_cannot_be_called_is_refused_before_the_evaluation(text: str, word: str) -> None:
    with pytest.raises(AttackError) as refused:
        one(text)
    assert word in str(refused.value)
