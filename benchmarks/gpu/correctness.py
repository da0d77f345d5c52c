"""Part 1: the GPU tests, and how often the attacks of each precision move a pixel as those in float32 do."""

import importlib.util
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from benchmarks.gpu.record import Unit, time_left
from benchmarks.trainer_speed.work import CLASSES, Work, work_for
from training.attacks import cross_entropy_of
from training.data.augment import to_unit
from training.trainer import Trainer

_ROOT = Path(__file__).parents[2]


def units(device: str) -> Mapping[str, Unit]:
    """Return the tests, and a comparison for each precision that is not exact."""
    compared = {f"attack in {name}": _compared(name, device) for name in ("tf32", "fp16", "bf16")}
    return {"tests/gpu": _tests, **compared}


def _tests(deadline: float) -> dict[str, Any]:
    if importlib.util.find_spec("pytest") is None:
        return {"skipped": "pytest is not installed"}
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "--noconftest", "-p", "no:cacheprovider", "tests/gpu"],
        cwd=_ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=time_left(deadline),
        env={**os.environ, "PYTHONPATH": str(_ROOT)},
    )
    return {"exit_code": run.returncode, "last_lines": run.stdout.splitlines()[-15:]}


def _compared(precision: str, device: str) -> Unit:
    """Compare the result of an attack after a few training steps, from the same start and for the same weights."""

    def measure(deadline: float) -> dict[str, Any]:
        del deadline
        architecture, batch = ("resnet18", 128) if device == "cuda" else ("digits_cnn", 16)
        work = work_for(architecture, batch, 10)
        exact = _trainer(work.with_precision("fp32"), device)
        exact.train_epoch()
        other = _trainer(work.with_precision(precision), device)
        other.model.load_state_dict(exact.model.state_dict())
        images = to_unit(work.data(1).train.images).to(device)
        labels = torch.arange(batch, device=device) % CLASSES
        found = []
        for trainer in (exact, other):
            with trainer._computing():  # noqa: SLF001 - the settings of a training
                trainer._streams.generator.manual_seed(1)  # noqa: SLF001
                found.append(trainer._attack(images, cross_entropy_of(labels)))  # noqa: SLF001
        return {
            "share_of_equal_pixels": (found[0] == found[1]).double().mean().item(),
            "mean_difference": (found[0] - found[1]).abs().mean().item(),
            "fallbacks": other.fallbacks,
        }

    return measure


def _trainer(work: Work, device: str) -> Trainer:
    return Trainer(replace(work.config, epochs=1000), work.data(8), device)
