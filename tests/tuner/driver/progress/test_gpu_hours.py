"""The estimate of GPU hours in a dry run."""

from pathlib import Path

import pytest
import torch
from screen import Screen, plan
from simulated_search import small_space
from stand_ins import words_in

from tuner.driver.progress.dry_run import print_plan
from tuner.driver.progress.gpu_hours import ATTAINED_SHARE, Workload, _workload, estimated_hours
from tuner.driver.progress.summary import print_opening

# ResNet-18 with PGD-10 on 50,000 images: 1.444 PFLOP an epoch.
WORK = Workload(28.875e9, 0.0, 50_000, 0.0, "bf16", "bf16")


def test_hours_are_operations_by_the_attained_share_of_the_peak() -> None:
    hours = estimated_hours(WORK, 120, "NVIDIA H100 80GB HBM3")
    assert hours == pytest.approx(120 * 1.444e15 / (989e12 * ATTAINED_SHARE) / 3600, rel=1e-3)
    assert estimated_hours(WORK._replace(precision="fp32"), 120, "Tesla T4") > 10 * hours  # type: ignore[operator]


def test_evaluations_have_a_precision_of_their_own() -> None:
    work = WORK._replace(trained_images=0, evaluated_images=1000, evaluated_operations=1e9)
    peaks = {"bf16": 312e12, "tf32": 156e12, "fp32": 19.5e12}
    found = [estimated_hours(work._replace(evaluated_precision=name), 1, "A100") for name in peaks]
    assert found == [pytest.approx(1e12 / (peak * ATTAINED_SHARE) / 3600) for peak in peaks.values()]


def test_early_evaluations_count_with_the_steps_of_their_attack(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: (9, 0))
    trial = {"eval_attack_steps": 19, "eval_images": 100}
    whole, cheap = (_workload(small_space(trial={**trial, "eval_early_attack_steps": steps})) for steps in (0, 4))
    assert whole is not None
    assert cheap is not None
    assert whole.evaluated_images == 100  # after each of 9 epochs
    assert cheap.evaluated_images == pytest.approx(100 * (8 * 5 / 20 + 1) / 9)
    assert cheap.evaluated_operations == whole.evaluated_operations


def test_there_is_no_estimate_for_an_unknown_gpu() -> None:
    assert estimated_hours(WORK, 1, "Some other GPU") is None


def test_a_dry_run_has_an_estimate_for_the_gpu_that_it_sees(runs_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for device in ("NVIDIA H100 80GB HBM3", "Some other GPU"):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
        monkeypatch.setattr(torch.cuda, "get_device_name", lambda device=device: device)
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: (9, 0))
        screen = Screen(width=200)
        print_plan(screen.console, plan(runs_dir, space=small_space(resources={"gpus_per_trial": 1})))
        found += [line for line in screen.lines if line.startswith("GPU hours")]
    assert "H100" in found[0]
    assert "estimate" in found[0]
    assert "tf32" in found[0]
    assert "Some other GPU" in found[1]


@pytest.mark.parametrize(
    ("gpus", "trial", "words"),
    [(1, {}, ["tf32", "fp32", "bf16"]), (1, {"precision": "bf16"}, []), (0, {}, [])],
)
def test_the_precision_is_said_at_the_start_if_trials_choose_it(
    runs_dir: Path, gpus: int, trial: dict[str, str], words: list[str]
) -> None:
    screen = Screen(width=200)
    print_opening(
        screen.console, plan(runs_dir, space=small_space(resources={"gpus_per_trial": gpus}, trial=trial)), []
    )
    said = [line for line in screen.lines if line.startswith("Precision")]
    assert words_in(" ".join(said), ("bf16", "tf32", "fp32")) == words
