"""The paper's points beside a search's own."""

import pytest
from fake_search import OBJECTIVES, trade_off_trials

from tuner.objectives import Objective
from tuner.report.figure import front_figure
from tuner.report.front_data import front_data
from tuner.report.published import published_points
from tuner.space import load_space


@pytest.mark.parametrize(
    ("space", "sources", "ours"),
    [
        (
            "cifar10_tradeoff",
            ["Table 4, ResNet-18, PGD-20", "Table 12, ResNet-18, PGD-20, lambda 4"],
            (81.87, 55.51),
        ),
        ("cifar100_tradeoff", ["Table 5, WRN-34-10, PGD-20"], (60.66, 34.15)),
        ("mnist_tradeoff", ["Table 4, 4-layer CNN, PGD-40"], (99.10, 96.64)),
    ],
)
def test_a_space_of_the_papers_data_has_its_points(space: str, sources: list[str], ours: tuple[float, float]) -> None:
    points = published_points(load_space(space).trial, OBJECTIVES)
    assert list(dict.fromkeys(point.source for point in points)) == sources
    (method,) = [point for point in points if point.label == "shared information"]
    assert (method.natural, method.pgd) == ours


def test_other_data_other_attacks_and_other_objectives_have_none() -> None:
    assert published_points(load_space("digits_tradeoff").trial, OBJECTIVES) == ()
    assert published_points({"dataset": "cifar10", "eval_attack_steps": 7}, OBJECTIVES) == ()
    assert published_points({"dataset": "cifar10"}, OBJECTIVES[::-1]) == ()
    assert published_points({"dataset": "cifar10"}, OBJECTIVES[:1]) == ()
    assert published_points({"dataset": "cifar10"}, [*OBJECTIVES, Objective("seconds", maximise=False)])
    assert published_points({}, OBJECTIVES) == ()


def test_the_figure_says_that_the_marks_are_of_another_measurement() -> None:
    reference = {"natural_accuracy": 0.0, "pgd_accuracy": 0.0}
    data = front_data("example", trade_off_trials(), OBJECTIVES, reference, {"dataset": "cifar10"})
    shown = front_figure(data)
    assert len(shown.published) == 16
    assert any("on the test set after full training" in note for note in shown.notes)
    inside = [p for p in shown.published if shown.x.limits[0] <= p.natural <= shown.x.limits[1]]
    assert len(inside) == 16
