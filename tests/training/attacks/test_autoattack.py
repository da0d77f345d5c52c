import sys
from dataclasses import replace
from typing import Any

import pytest
import torch
import torchattacks
from pyautoattack import AutoAttack
from raises_about import raises_about
from torch import Tensor, nn
from toys import interior_images, relu_net

from training.attacks import Apgd, AttackError, Cascade, Fab, Fgsm, Pgd, Square, auto_attack

EPSILON = 0.03


def problem(count: int = 40, classes: int = 5) -> tuple[nn.Module, Tensor, Tensor]:
    model, images = relu_net(8, classes, side=4), interior_images(count, side=4)
    return model, images, model(images).argmax(dim=1)


def official(model: nn.Module, version: str, classes: int) -> AutoAttack:
    attack = AutoAttack(model, eps=EPSILON, seed=7, version=version)
    attack.apgd_targeted.n_target_classes = attack.fab.n_target_classes = classes - 1
    return attack


@pytest.mark.parametrize("version", ["standard", "rand"])
def test_equals_the_official_implementation_sample_for_sample(version: str) -> None:
    model, images, labels = problem()
    ours = auto_attack(EPSILON, version=version, classes=5)(model, images, labels, seed=7)
    trace = sys.gettrace()
    with torch.random.fork_rng():
        theirs, _ = official(model, version, 5).run_standard_evaluation(images, labels, batch_size=len(images))
    # The official check for dynamic defences ends whatever traces the process, such as coverage.
    sys.settrace(trace)
    assert torch.equal(ours, theirs)
    broken = model(ours).argmax(dim=1) != labels
    assert 5 < broken.sum() < 35


def test_in_l2_each_member_equals_the_official_one_from_the_same_start() -> None:
    model, images = relu_net(8, 5, side=6), interior_images(30, side=6)
    labels = model(images).argmax(dim=1)
    ours = Cascade(
        title="l2",
        members=(
            Apgd(epsilon=0.1, norm="l2"),
            Apgd(epsilon=0.1, norm="l2", loss="targeted", targets=4),
            Fab(epsilon=0.1, norm="l2", targets=4),
            Square(epsilon=0.1, norm="l2", queries=200),
        ),
    )
    assert (ours.norm, ours.epsilon) == ("l2", 0.1)
    theirs = AutoAttack(model, norm="L2", eps=0.1, seed=7)
    theirs.apgd_targeted.n_target_classes = theirs.fab.n_target_classes = 4
    theirs.square.n_queries = 200
    for name, member in zip(("apgd-ce", "apgd-t", "fab-t", "square"), ours.members, strict=True):
        theirs.attacks_to_run = [name]
        trace = sys.gettrace()
        with torch.random.fork_rng():
            expected, _ = theirs.run_standard_evaluation(images, labels, batch_size=len(images))
        sys.settrace(trace)
        found = member(model, images, labels, seed=7)
        # The official code leaves what was not broken as it was.
        broken = model(found).argmax(dim=1) != labels
        assert broken.any()
        assert torch.equal(found.where(broken[:, None, None, None], images), expected)


def test_in_l2_the_members_agree_with_torchattacks() -> None:
    model, images = relu_net(8, 5, side=6), interior_images(30, side=6)
    labels = model(images).argmax(dim=1)
    shared = {"norm": "L2", "eps": 0.1, "seed": 7}
    pairs = (
        (Apgd(epsilon=0.1, norm="l2"), torchattacks.APGD(model, steps=100, **shared), 1e-3),
        (Fab(epsilon=0.1, norm="l2", targets=0), torchattacks.FAB(model, steps=100, n_classes=5, **shared), 1e-4),
        (
            Square(epsilon=0.1, norm="l2", queries=200),
            torchattacks.Square(model, n_queries=200, resc_schedule=False, **shared),
            1e-4,
        ),
    )
    for ours, theirs, tolerance in pairs:
        found = ours(model, images, labels, seed=7)
        with torch.random.fork_rng():
            expected = theirs(images, labels)
        torch.testing.assert_close(found, expected, rtol=0, atol=tolerance)


def test_square_in_l2_refuses_images_that_it_cannot_tile() -> None:
    model, images, labels = problem(2)
    with raises_about(AttackError, "side"):
        Square(epsilon=0.1, norm="l2")(model, images, labels, seed=0)


class Counting(nn.Module):
    """Counts its forward passes."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner, self.passes = inner, 0

    def forward(self, images: Tensor) -> Tensor:
        self.passes += 1
        logits: Tensor = self.inner(images)
        return logits


def count_passes(attack: Any) -> int:
    inner, images, _ = problem(1)
    # Weights of zero: nothing can break such a model, and no attack can stop early.
    nn.init.zeros_(inner[3].weight)  # type: ignore[index]
    labels = inner(images).argmax(dim=1)
    model = Counting(inner)
    attack(model, images, labels, seed=0)
    return model.passes


@pytest.mark.parametrize(
    ("attack", "expected"),
    [
        # One pass to count the classes, one for the clean prediction, one at the start, 100 steps.
        (Apgd(epsilon=EPSILON), 1 + 1 + 1 + 100),
        (Apgd(epsilon=EPSILON, loss="dlr"), 1 + 1 + 1 + 100),
        (Apgd(epsilon=EPSILON, draws=20), 1 + 1 + 20 * 101),
        # For each of four targets the logits that choose it, the start and 100 steps.
        (Apgd(epsilon=EPSILON, loss="targeted", targets=4), 1 + 1 + 4 * (1 + 101)),
        # The clean prediction, the stripes that Square starts from, the queries, and a last look.
        (Square(epsilon=EPSILON), 1 + 1 + 1 + 5000 + 1),
        (Square(epsilon=EPSILON, queries=30), 1 + 1 + 1 + 30 + 1),
    ],
    ids=lambda value: value if isinstance(value, int) else value.name,
)
def test_takes_the_official_number_of_steps(attack: Any, expected: int) -> None:
    assert count_passes(attack) == expected


def test_standard_is_made_of_the_official_members() -> None:
    attack = auto_attack(EPSILON, classes=10)
    assert attack.members == (
        Apgd(epsilon=EPSILON, loss="ce", steps=100, restarts=1),
        Apgd(epsilon=EPSILON, loss="targeted", steps=100, targets=9),
        Fab(epsilon=EPSILON, steps=100, targets=9),
        Square(epsilon=EPSILON, queries=5000),
    )
    assert auto_attack(EPSILON, classes=100).members == attack.members
    in_l2 = auto_attack(0.5, norm="l2")
    assert in_l2.members == tuple(replace(member, epsilon=0.5, norm="l2") for member in attack.members)
    rand = auto_attack(EPSILON, version="rand")
    assert [(member.name, member.draws) for member in rand.members if isinstance(member, Apgd)] == [
        ("APGD-CE (EOT 20)", 20),
        ("APGD-DLR (EOT 20)", 20),
    ]


def test_what_needs_more_classes_is_left_out_and_named() -> None:
    assert auto_attack(EPSILON, classes=3).name == "AutoAttack without APGD-T"
    assert auto_attack(EPSILON, version="rand", classes=2).name == "AutoAttack rand without APGD-DLR (EOT 20)"
    assert [member.name for member in auto_attack(EPSILON, classes=3).members] == ["APGD-CE", "FAB-T", "Square"]
    model, images, labels = problem(8, classes=3)
    auto_attack(EPSILON, classes=3)(model, images, labels, seed=0)
    with raises_about(AttackError, "loss"):
        Apgd(epsilon=EPSILON, loss="targeted")(model, images, labels, seed=0)


def test_a_model_that_gives_no_logits_is_refused() -> None:
    class Pair(nn.Module):
        def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
            return images, images

    images, labels = interior_images(2), torch.zeros(2, dtype=torch.int64)
    for attack in (Apgd(epsilon=0.1), Fab(epsilon=0.1), Square(epsilon=0.1)):
        with raises_about(AttackError, "tuple"):
            attack(Pair(), images, labels, seed=0)
        with raises_about(AttackError, (1, 1, 3, 3)):
            attack(nn.Identity(), images, labels, seed=0)


def test_a_cascade_attacks_only_what_is_left() -> None:
    model, images, labels = problem()
    weak, strong = Fgsm(epsilon=EPSILON), Pgd(epsilon=EPSILON, step_size=0.005, steps=20)
    found = Cascade(title="both", members=(weak, strong))(model, images, labels, seed=0)
    alone = weak(model, images, labels, seed=0)
    broken = model(alone).argmax(dim=1) != labels
    assert broken.any()
    assert torch.equal(found[broken], alone[broken])
    right = model(found).argmax(dim=1) == labels
    assert right.sum() < (~broken).sum()
    assert torch.equal(found[right], images[right])


def test_members_of_different_radii_make_no_cascade() -> None:
    with raises_about(AttackError, "members"):
        Cascade(title="odd", members=(Fgsm(epsilon=0.1), Fgsm(epsilon=0.2)))
    with raises_about(AttackError, "members"):
        Cascade(title="odd", members=(Fgsm(epsilon=0.1), Fgsm(epsilon=0.1, norm="l2")))


def test_a_missing_library_is_named_with_the_way_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    model, images, labels = problem(2)
    for module in ("autopgd_base", "fab_pt", "square"):
        monkeypatch.setitem(sys.modules, f"pyautoattack.{module}", None)
    for attack in auto_attack(EPSILON, classes=5).members:
        with raises_about(AttackError, "pyautoattack"):
            attack(model, images, labels, seed=0)
