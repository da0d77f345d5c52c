"""The attacks of torchattacks by name: each equals a direct call, lies in its ball and leaves no trace."""

import math
import random
from typing import Any

import numpy as np
import pytest
import torch
import torchattacks
from raises_about import raises_about
from stand_ins import random_states
from torch import Tensor, nn

from training.attacks import AttackError, Scale, split_names
from training.attacks.adversary import Adversary, record_of
from training.attacks.from_torchattacks import ATTACKS, Facts, TorchAttack, parse_torchattack
from training.evaluation import LatentMode, build_suite
from training.evaluation.checks import require_valid_images

EPSILON = 8 / 255
INSTALLED = [name for name in ATTACKS if hasattr(torchattacks, name)]
# Fewer steps than by default where an attack is slow.
SHORT = {
    "Square": "n_queries=50",
    "Pixle": "max_iterations=2, restarts=2",
    "AutoAttack": "n_classes=5",
    "FAB": "steps=2",
}
SHORT |= dict.fromkeys(("PGDL2", "PGDRSL2"), "eps=0.5")
WRAPPERS = {"MultiAttack", "LGV"}


@pytest.fixture(scope="module")
def model() -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        layers = [nn.Conv2d(3, 4, 3, 2, 1), nn.ReLU(), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(256, 10)]
        return nn.Sequential(*layers).eval()


@pytest.fixture(scope="module")
def images() -> Tensor:
    return torch.rand(4, 3, 16, 16, generator=torch.Generator().manual_seed(1))


@pytest.fixture(scope="module")
def labels(model: nn.Module, images: Tensor) -> Tensor:
    logits: Tensor = model(images)
    return logits.argmax(1)


def test_the_table_has_every_attack_of_the_installed_version() -> None:
    assert set(torchattacks.__all__) - WRAPPERS == set(INSTALLED)


@pytest.mark.parametrize("name", INSTALLED)
def test_an_attack_equals_a_direct_call_and_leaves_no_trace(
    name: str, model: nn.Module, images: Tensor, labels: Tensor
) -> None:
    attack = parse_torchattack(f"torchattacks:{name}({SHORT.get(name, '')})", EPSILON)
    assert isinstance(attack, Adversary)
    before = random_states()
    found = attack(model, images, labels, seed=3)
    assert random_states() == before
    assert not model.training
    require_valid_images(attack, images, found)
    assert torch.equal(attack(model, images, labels, seed=3), found)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        random.seed(3)
        np.random.seed(3)  # noqa: NPY002 - torchattacks draws from it
        direct = direct_call(name, attack, model)
        assert torch.equal(direct(images, labels).detach(), found)


def direct_call(name: str, attack: TorchAttack, model: nn.Module) -> Any:
    options: dict[str, Any] = dict(attack.parameters)
    accepted = getattr(torchattacks, name).__init__.__code__.co_varnames
    if "seed" in accepted:
        options["seed"] = 3
    if "n_classes" in accepted:
        options.setdefault("n_classes", 10)
    return getattr(torchattacks, name)(model, **options)


def test_the_bound_is_that_of_the_evaluation_unless_it_is_given() -> None:
    own = parse_torchattack("torchattacks:PGD", EPSILON)
    given = parse_torchattack("torchattacks:PGD(eps=4/255, alpha=1/255, steps=20, random_start=False)", EPSILON)
    assert (own.epsilon, own.norm, own.name) == (EPSILON, "linf", "torchattacks-PGD(alpha=0.007843, steps=10)")
    assert given.epsilon == 4 / 255
    assert given.name == "torchattacks-PGD(alpha=0.003922, random_start=False, steps=20)"
    larger = parse_torchattack("torchattacks:PGD", 0.28)
    assert dict(larger.parameters)["alpha"] == pytest.approx(0.28 / 4), "in proportion to the bound"
    free = parse_torchattack("torchattacks:CW(c=1, steps=20)", EPSILON)
    assert (free.epsilon, free.norm) == (math.inf, "l2")
    other = parse_torchattack("torchattacks:APGD(norm='L2', eps=0.5)", EPSILON)
    assert (other.epsilon, other.norm) == (0.5, "l2")
    assert record_of(given) != record_of(own)


def test_in_l2_an_attack_has_the_bound_of_the_evaluation_or_its_own() -> None:
    for name in ("PGDL2", "APGD", "FAB", "Square", "AutoAttack"):
        attack = parse_torchattack(f"torchattacks:{name}", 2.0, "l2")
        assert (attack.epsilon, attack.norm) == (2.0, "l2")
    assert dict(parse_torchattack("torchattacks:PGDL2", 0.5, "l2").parameters)["alpha"] == pytest.approx(0.1)
    other = parse_torchattack("torchattacks:PGD(eps=8/255)", 2.0, "l2")
    assert (other.epsilon, other.norm) == (8 / 255, "linf")
    for text in ("torchattacks:PGD", "torchattacks:APGD(norm='Linf')"):
        with raises_about(AttackError, text):
            parse_torchattack(text, 2.0, "l2")


def test_an_attack_that_the_installed_version_lacks_has_its_facts() -> None:
    assert ATTACKS["PIFGSM"] == Facts(bound="max_epsilon", steps="num_iter_set", cost="num_iter_set g")
    if "PIFGSM" not in INSTALLED:
        with raises_about(AttackError, "PIFGSM"):
            parse_torchattack("torchattacks:PIFGSM", EPSILON)


@pytest.mark.parametrize(
    ("text", "subject"),
    [
        ("torchattacks:", None),
        ("torchattacks:PGD(", None),
        ("torchattacks:PGD(20)", None),
        ("torchattacks:PGD(**x)", None),
        ("torchattacks:PGD(eps=f(3))", None),
        ("torchattacks:PGD(eps=1/0)", None),
        ("torchattacks:PGD(step=20)", None),
        ("torchattacks:PGD(eps=8)", "epsilon"),
        ("torchattacks:PGDL2", None),
        ("torchattacks:APGD(norm=L1)", None),
        ("torchattacks:PDG", "PDG"),
        ("torchattacks:MultiAttack", "MultiAttack"),
    ],
)
def test_a_wrong_text_is_refused(text: str, subject: str | None) -> None:
    with raises_about(AttackError, subject or text):
        parse_torchattack(text, EPSILON)


@pytest.mark.parametrize("name", ["TIFGSM", "Pixle"])
def test_attacks_that_need_three_channels_say_so(name: str) -> None:
    grey = nn.Sequential(nn.Flatten(), nn.Linear(256, 10)).eval()
    attack = parse_torchattack(f"torchattacks:{name}", EPSILON)
    with raises_about(AttackError, name):
        attack(grey, torch.rand(2, 1, 16, 16), torch.tensor([0, 1]), seed=0)


def test_a_failure_of_the_library_names_the_attack(model: nn.Module, images: Tensor, labels: Tensor) -> None:
    attack = parse_torchattack("torchattacks:UPGD(loss=nonsense)", EPSILON)
    with raises_about(AttackError, "UPGD"):
        attack(model, images, labels, seed=0)


def test_the_commas_of_a_pair_of_numbers_end_no_name() -> None:
    pixle = "torchattacks:Pixle(restarts=3, x_dimensions=(2, 10), y_dimensions=(2,10))"
    last = "torchattacks:CW(steps=5)"
    assert split_names(f"{pixle},{last}, noise") == [pixle, last, "noise"]
    assert split_names(f"noise,{pixle}") == ["noise", pixle]


def test_a_suite_takes_them_beside_its_own() -> None:
    names = split_names("pgd20, torchattacks:PGD(eps=8/255, steps=20),torchattacks:CW")
    assert names == ["pgd20", "torchattacks:PGD(eps=8/255, steps=20)", "torchattacks:CW"]
    scale = Scale(epsilon=EPSILON, step_size=0.01, rate=0.01, classes=10)
    mean = build_suite("quick", scale, attacks=names)
    assert [attack.family for attack in mean.attacks] == ["pgd", "torchattacks", "torchattacks"]
    sampled = build_suite("quick", scale, attacks=names, latent=LatentMode.named("sampled"))
    assert [attack.family for attack in sampled.attacks] == ["pgd", "mean_path", "mean_path"]
