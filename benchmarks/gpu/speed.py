"""Parts 2 to 4: training steps against a plain loop, and the share of evaluations in an epoch."""

import argparse
from collections.abc import Mapping
from typing import Any

import torch

from benchmarks.evaluation_share import measured
from benchmarks.gpu.record import Unit
from benchmarks.trainer_speed.comparison import Setting, compared
from benchmarks.trainer_speed.peak import peaks
from benchmarks.trainer_speed.work import work_for
from training.config import TrialConfig, parse_trial

_PRECISIONS = ("fp32", "tf32", "fp16", "bf16")
# `search_spaces/cifar10_tradeoff.yaml` at its start point, without a reader of YAML; a test compares the two.
CIFAR10 = {
    "dataset": "cifar10",
    "architecture": "resnet18",
    "augmentation": "crop_flip",
    "objective": "shared_information",
    "validation_fraction": 0.1,
    "eval_images": 2500,
    "epochs": 120,
    "batch_size": 128,
    "learning_rate": 0.1,
    "momentum": 0.9,
    "weight_decay": 5e-4,
    "lr_drops": [0.625, 0.75, 0.8333333333333334],
    "epsilon": 0.031,
    "attack_steps": 10,
    "attack_step_size": 0.007,
    "eval_attack_steps": 20,
    "eval_attack_step_size": 0.003,
    "alpha": 0.5,
    "beta": 0.001,
    "lambda": 4.0,
    "bottleneck": 256,
}


def steps(architecture: str, device: str) -> Mapping[str, Unit]:
    """Return a unit for each batch size: the plain loop and every precision."""
    batches = (128, 512) if architecture == "resnet18" and device == "cuda" else (128,)
    return {f"batch {batch}": _steps(architecture, batch, device) for batch in batches}


def _steps(architecture: str, batch: int, device: str) -> Unit:
    def measure(deadline: float) -> dict[str, Any]:
        del deadline
        work, setting = work_for(architecture, batch, 10), Setting("cuda", threads=2, steps=10, rounds=5)
        if device == "cpu":
            work, setting = work_for("digits_cnn", 16, 2), Setting("cpu", threads=1, steps=1, rounds=1)
        found = peaks(device, setting.threads)
        names = _PRECISIONS if device == "cuda" else ("fp32",)
        return {"rows": compared(work, names, setting, found), "peak_tflops": found}

    return measure


def evaluations(device: str) -> Mapping[str, Unit]:
    """Return a unit for each precision of the training."""
    return {f"training in {name}": _evaluation(name, device) for name in _PRECISIONS}


def _evaluation(precision: str, device: str) -> Unit:
    def measure(deadline: float) -> dict[str, Any]:
        del deadline
        config = cifar10_trial(precision=precision)
        if device == "cpu":
            config = parse_trial({"dataset": "digits", "architecture": "digits_cnn", "augmentation": "none"})
        arguments = argparse.Namespace(steps=10 if device == "cuda" else 1, rounds=3, device=device)
        return measured(config, arguments)

    return measure


def cifar10_trial(**changes: Any) -> TrialConfig:
    """Return the trial of the space `cifar10_tradeoff` at its start point, with `changes`."""
    return parse_trial({**CIFAR10, **changes})


def synchronise(device: str) -> None:
    """Wait until the device has computed everything."""
    if device == "cuda":
        torch.cuda.synchronize()
