"""The parts of `benchmarks.trainer_speed` that its figures depend on, and both sides for a step on a CPU."""

import pytest
import torch

from benchmarks.trainer_speed.comparison import figures, table
from benchmarks.trainer_speed.ours import OurTrainer
from benchmarks.trainer_speed.plain import PlainLoop
from benchmarks.trainer_speed.work import flops_of_step, work_for

CPU = torch.device("cpu")


def test_the_operations_of_a_step_are_those_of_the_layers() -> None:
    """ResNet-18, 1.1108 GFLOP forward: an attack step is twice that, training three times less the first input's."""
    per_image = flops_of_step(work_for("resnet18", 4, 10)) / 4
    assert per_image == pytest.approx(10 * 2.2217e9 + 2 * 3.3290e9, rel=2e-3)


def test_the_operations_grow_with_the_batch_and_with_the_attack() -> None:
    small, large, longer = (flops_of_step(work_for("cnn4", *size)) for size in ((4, 1), (8, 1), (4, 2)))
    assert large == 2 * small
    assert small < longer < 2 * small


def test_both_sides_take_rounds_of_the_same_work() -> None:
    work = work_for("digits_cnn", 16, 2)
    for side in (PlainLoop(work, CPU, 2), OurTrainer(work, CPU, 2)):
        assert side.round() > 0
        assert side.round() > 0
        assert side.fallbacks == []


def test_the_attack_of_the_library_is_that_which_is_written_out() -> None:
    pytest.importorskip("torchattacks")
    plain = PlainLoop(work_for("digits_cnn", 16, 3), CPU, 1)
    images = torch.rand(16, 1, 8, 8, generator=torch.Generator().manual_seed(1))
    labels = torch.arange(16) % 10
    found = []
    plain._model.eval()
    for attack in (plain._attack._found, plain._attack._written_out):
        torch.manual_seed(5)
        found.append(attack(images, labels))
    assert torch.equal(*found)


def test_figures_are_of_the_median_and_the_factor_of_each_round() -> None:
    work = work_for("cnn4", 100, 10)
    found = figures([1.0, 2.0, 4.0], [2.0, 2.0, 2.0], 3e12, work)
    assert found["seconds_per_step"] == 2
    assert found["images_per_second"] == 50
    assert found["seconds_per_epoch"] == 2 * 540
    assert found["tflops"] == 1.5
    assert (found["times_the_plain_loop"], found["range_of_times"]) == (1, [0.5, 2])


def test_a_side_that_failed_and_a_fallback_are_told() -> None:
    work = work_for("cnn4", 100, 10)
    row = {"architecture": "cnn4", "batch_size": 100, "side": "bf16", **figures([1.0], [1.5], 3e12, work)}
    row |= {"share_of_peak": 0.5, "memory_mb": 7, "fallbacks": ["precision is bf16, which this cpu lacks"]}
    failed = {"architecture": "wrn34_10", "batch_size": 512, "side": "fp32", "failed": "fp32: out of memory"}
    heads, rule, first, second, *notes = table([row, failed]).splitlines()
    assert {line.count("|") for line in (heads, rule, first, second)} == {11}
    assert first.endswith("| 3 | 50 % | 7 | 1.50 (1.50-1.50) |")
    assert "out of memory" in second
    assert notes == ["", "bf16, cnn4: precision is bf16, which this cpu lacks."]
