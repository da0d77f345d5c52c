"""Table 2 as torchattacks runs it, beside the suite `paper`."""

import pytest
import torch
import torchattacks
from stand_ins import make_config
from toys import image_set, linear_net

from training.attacks import Scale
from training.attacks.call_text import Value
from training.attacks.from_torchattacks import TorchAttack
from training.data.augment import to_unit
from training.evaluation import build_suite, evaluate_robustness, scale_of
from training.evaluation.paper_as_run import Difference, differences, format_differences
from training.evaluation.suite import Suite
from training.suite_names import SuiteName


def test_the_attacks_have_the_parameters_of_table_2() -> None:
    cifar = scale_of(make_config(dataset="cifar10", architecture="resnet18"), 10)
    mnist = scale_of(make_config(dataset="mnist", architecture="cnn4"), 10)
    for scale, epsilon, step, rate in ((cifar, 0.031, 0.003, 0.01), (mnist, 0.3, 0.01, 0.003)):
        suite = build_suite(SuiteName.PAPER_AS_RUN, scale)
        assert suite.attacks[:4] == build_suite("paper", scale).attacks
        found = [attack for attack in suite.attacks if isinstance(attack, TorchAttack)]
        assert [(attack.attack, dict(attack.parameters)) for attack in found] == [
            ("PGD", {"eps": epsilon, "alpha": step, "steps": 20}),
            ("PGD", {"eps": epsilon, "alpha": step, "steps": 40}),
            ("CW", {"c": 1, "kappa": 0, "steps": 20, "lr": rate}),
            ("APGD", {"eps": epsilon, "loss": "ce", "steps": 100}),
            ("APGD", {"eps": epsilon, "loss": "dlr", "steps": 100}),
            ("FAB", {"eps": epsilon, "steps": 100}),
            ("Square", {"eps": epsilon, "n_queries": 5000}),
        ]


def test_two_classes_have_no_dlr_loss() -> None:
    suite = build_suite(SuiteName.PAPER_AS_RUN, Scale(epsilon=0.1, step_size=0.02, rate=0.01, classes=2))
    assert not any("dlr" in attack.name for attack in suite.attacks)


@pytest.fixture(scope="module")
def suite() -> Suite:
    """The suite with fewer queries and steps, without its curve."""
    whole = build_suite(SuiteName.PAPER_AS_RUN, Scale(epsilon=0.05, step_size=0.01, rate=0.01, classes=4))
    attacks = [
        TorchAttack(attack=a.attack, parameters=tuple((key, _fewer(key, value)) for key, value in a.parameters))
        if isinstance(a, TorchAttack) and a.attack in {"APGD", "FAB", "Square"}
        else a
        for a in whole.attacks
    ]
    return Suite(
        name=SuiteName.PAPER_AS_RUN, epsilon=whole.epsilon, attacks=tuple(a for a in attacks if a.name != "AutoAttack")
    )


def _fewer(key: str, value: Value) -> Value:
    return {"n_queries": 20, "steps": 10}.get(key, value)


def test_the_worst_case_of_the_four_is_what_torchattacks_itself_leaves(suite: Suite) -> None:
    model = linear_net(4)
    images = image_set(model, 30, side=6, wrong=2)
    rows = {row.attack: row for row in differences(evaluate_robustness(model, images, suite))}
    clean = to_unit(images.images)
    robust = torch.ones(30, dtype=torch.bool)
    calls = {
        "APGD-CE": torchattacks.APGD(model, eps=0.05, steps=10, loss="ce", seed=0),
        "APGD-DLR": torchattacks.APGD(model, eps=0.05, steps=10, loss="dlr", seed=0),
        "FAB": torchattacks.FAB(model, eps=0.05, steps=10, n_classes=4, seed=0),
        "Square": torchattacks.Square(model, eps=0.05, n_queries=20, seed=0),
    }
    for attack, call in calls.items():
        right = model(clean).argmax(dim=1) == images.labels
        right &= model(call(clean, images.labels)).argmax(dim=1) == images.labels
        assert rows[attack].as_run == pytest.approx(right.double().mean().item()), attack
        robust &= right
    assert rows["AutoAttack"].as_run == pytest.approx(robust.double().mean().item())
    assert rows["AutoAttack"].paper is None, "it did not run here"


def test_a_difference_is_in_points_and_missing_where_one_side_is() -> None:
    rows = [Difference("PGD-20", 0.5, 0.515), Difference("FAB", None, 0.25)]
    assert rows[0].difference == pytest.approx(0.015)
    assert rows[1].to_mapping() == {"attack": "FAB", "paper": None, "as_run": 0.25, "difference": None}
    lines = [line.split() for line in format_differences(rows).splitlines()]
    assert lines[2:] == [["PGD-20", "50.00", "51.50", "+1.50"], ["FAB", "-", "25.00", "-"]]
