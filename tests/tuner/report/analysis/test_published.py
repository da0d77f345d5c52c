"""The paper's points beside a search's own."""

from dataclasses import asdict

import pytest
from fake_search import OBJECTIVES, trade_off_trials

from tuner.pareto.objectives import Objective
from tuner.report.analysis.front_data import front_data
from tuner.report.analysis.published import _tables, measured_with, published_points
from tuner.report.figure.front_figure import front_figure
from tuner.space import load_space

CIFAR10 = {"dataset": "cifar10", "architecture": "resnet18"}
WIDE = {"dataset": "cifar10", "architecture": "wrn34_10"}


@pytest.mark.parametrize(
    ("space", "sources", "ours"),
    [
        (
            "cifar10_tradeoff",
            ["Table 4, ResNet-18, PGD-20", "Table 12, ResNet-18, PGD-20, lambda 4"],
            (81.87, 55.51),
        ),
        ("mnist_tradeoff", ["Table 4, 4-layer CNN, PGD-40"], (99.10, 96.64)),
    ],
)
def test_a_space_of_the_papers_data_has_its_points(space: str, sources: list[str], ours: tuple[float, float]) -> None:
    points = published_points(load_space(space).trial, OBJECTIVES)
    assert list(dict.fromkeys(point.source for point in points)) == sources
    (method,) = [point for point in points if point.label == "shared information"]
    assert (method.natural, method.pgd) == ours


def test_the_papers_settings_are_those_of_trials() -> None:
    for table in _tables():
        assert table.points
        assert all(0 < share < 100 for point in table.points.values() for share in point)
        measured_with({key: value for key, value in asdict(table).items() if key not in {"source", "points"}})


def test_other_data_other_attacks_and_other_objectives_have_none() -> None:
    assert published_points(load_space("digits_tradeoff").trial, OBJECTIVES) == ()
    assert published_points(load_space("cifar100_tradeoff").trial, OBJECTIVES) == (), "a ResNet-18; the paper's is wide"
    assert published_points({**CIFAR10, "eval_attack_steps": 7}, OBJECTIVES) == ()
    assert published_points({**CIFAR10, "eval_attack_step_size": 0.007}, OBJECTIVES) == ()
    assert published_points({**CIFAR10, "eval_attack_step_size": "1/255"}, OBJECTIVES) == ()
    assert published_points({**CIFAR10, "select": "best"}, OBJECTIVES) == ()
    assert published_points(CIFAR10, OBJECTIVES[::-1]) == ()
    assert published_points(CIFAR10, OBJECTIVES[:1]) == ()
    assert published_points(CIFAR10, [*OBJECTIVES, Objective("seconds", maximise=False)])
    assert published_points({}, OBJECTIVES) == ()
    assert published_points({**CIFAR10, "norm": "l2"}, OBJECTIVES) == ()


@pytest.mark.parametrize("epsilon", [4 / 255, "4/255", 0.0305, 0.032, 0.3])
def test_another_epsilon_has_none(epsilon: float | str) -> None:
    assert published_points({**CIFAR10, "epsilon": epsilon}, OBJECTIVES) == ()
    assert published_points({**WIDE, "epsilon": epsilon}, OBJECTIVES) == ()


@pytest.mark.parametrize("epsilon", [0.031, "8/255", 8 / 255, 0.0314])
def test_the_papers_epsilon_counts_with_its_rounding(epsilon: float | str) -> None:
    assert len(published_points({**CIFAR10, "epsilon": epsilon}, OBJECTIVES)) == 16


def test_points_are_those_of_the_same_architecture() -> None:
    def sources(**setting: str) -> set[str]:
        return {point.source for point in published_points(setting, OBJECTIVES)}

    assert sources(**WIDE) == {"Table 5, WRN-34-10, PGD-20"}
    assert sources(dataset="cifar100", architecture="wrn34_10") == {"Table 5, WRN-34-10, PGD-20"}
    assert sources(preset="cifar100_shared_information") == {"Table 5, WRN-34-10, PGD-20"}
    assert sources(preset="cifar100_shared_information", architecture="resnet18") == set()
    assert sources(dataset="cifar10", architecture="vgg16") == set()
    assert sources(dataset="cifar10") == set(), "the architecture may be searched"


def test_the_figure_says_that_the_marks_are_of_another_measurement() -> None:
    reference = {"natural_accuracy": 0.0, "pgd_accuracy": 0.0}
    data = front_data("example", trade_off_trials(), OBJECTIVES, reference, CIFAR10)
    shown = front_figure(data)
    assert len(shown.published) == 16
    assert any("on the test set after full training" in note for note in shown.notes)
    assert any("under epsilon 0.031" in note for note in shown.notes)
    inside = [p for p in shown.published if shown.x.limits[0] <= p.natural <= shown.x.limits[1]]
    assert len(inside) == 16
