from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from toys import interior_images, relu_net

from training.attacks import Fgsm, MeanPath, Pgd, Transfer

ATTACK = Pgd(epsilon=0.05, step_size=0.01, steps=3)


def problem() -> tuple[nn.Module, nn.Module, Tensor, Tensor]:
    return relu_net(seed=0), relu_net(seed=1), interior_images(8), torch.arange(8) % 4


def test_attacks_the_surrogate_whatever_the_model_is() -> None:
    model, surrogate, images, labels = problem()
    found = Transfer(surrogate=surrogate, attack=ATTACK)(model, images, labels, seed=4)
    assert torch.equal(found, ATTACK(surrogate, images, labels, seed=4))
    assert not torch.equal(found, ATTACK(model, images, labels, seed=4))


class Refusing(nn.Module):
    def forward(self, _: Tensor) -> Tensor:
        raise AssertionError("computed again")


def test_images_are_made_once(tmp_path: Path) -> None:
    model, surrogate, images, labels = problem()
    attack = Transfer(surrogate=surrogate, attack=ATTACK, cache=tmp_path / "cache")
    first = attack(model, images, labels, seed=4)
    surrogate.register_forward_pre_hook(lambda *_: pytest.fail("computed again"))
    assert torch.equal(attack(Refusing(), images, labels, seed=4), first)
    assert len(list((tmp_path / "cache").iterdir())) == 1


def test_a_damaged_cache_is_made_again(tmp_path: Path) -> None:
    model, surrogate, images, labels = problem()
    attack = Transfer(surrogate=surrogate, attack=ATTACK, cache=tmp_path)
    first = attack(model, images, labels, seed=4)
    (kept,) = tmp_path.iterdir()
    for content in (kept.read_bytes()[:-40], b"", b"no tensor"):
        kept.write_bytes(content)
        assert torch.equal(attack(model, images, labels, seed=4), first)
    torch.save({"other": 1}, kept)
    assert torch.equal(attack(model, images, labels, seed=4), first)


def test_everything_that_determines_the_images_is_in_their_key(tmp_path: Path) -> None:
    model, surrogate, images, labels = problem()
    attack = Transfer(surrogate=surrogate, attack=ATTACK, cache=tmp_path)
    attack(model, images, labels, seed=4)
    others = [
        (Transfer(surrogate=model, attack=ATTACK, cache=tmp_path), images, labels, 4),
        (Transfer(surrogate=surrogate, attack=Fgsm(epsilon=0.05), cache=tmp_path), images, labels, 4),
        (attack, images + 1e-3, labels, 4),
        (attack, images, labels.flip(0), 4),
        (attack, images, labels, 5),
    ]
    for count, (other, pixels, classes, seed) in enumerate(others, start=2):
        found = other(model, pixels, classes, seed=seed)
        assert torch.equal(found, other.attack(other.surrogate, pixels, classes, seed=seed))
        assert len(list(tmp_path.iterdir())) == count


def test_the_mean_path_of_a_deterministic_model_is_the_model() -> None:
    model, _, images, labels = problem()
    assert torch.equal(MeanPath(attack=ATTACK)(model, images, labels, seed=0), ATTACK(model, images, labels, seed=0))
