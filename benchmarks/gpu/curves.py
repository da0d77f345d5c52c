"""Parts 6 and 7: accuracies after training, by precision and seed; they continue from checkpoints."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.gpu.record import Unit, time_left
from benchmarks.gpu.speed import cifar10_trial
from training.config import TrialConfig, parse_trial
from training.data import is_available, load_trial_data
from training.trainer import Trainer
from training.trainer.checkpoint import FILE_NAME

_SEEDS = range(3)
# The preset `mnist_shared_information`, without a reader of YAML; a test compares the two.
MNIST = {
    "dataset": "mnist",
    "augmentation": "none",
    "architecture": "cnn4",
    "bottleneck": 128,
    "objective": "shared_information",
    "alpha": 0.5,
    "beta": 0.001,
    "lambda": 4,
    "ramp_start": 0.1,
    "ramp_end": 1.0,
    "epochs": 100,
    "batch_size": 128,
    "learning_rate": 0.01,
    "momentum": 0.9,
    "weight_decay": 0.0005,
    "lr_drops": [0.55, 0.75, 0.9],
    "epsilon": 0.3,
    "attack_steps": 40,
    "attack_step_size": 0.01,
    "eval_attack_steps": 40,
    "eval_attack_step_size": 0.01,
}


def cifar10(device: str, data_root: str, work_folder: Path) -> Mapping[str, Unit]:
    """Return ten epochs of ResNet-18 for each precision and seed, with the whole schedule in these epochs."""
    return {
        f"{precision}, seed {seed}": _trained(
            _tried(
                device, cifar10_trial(precision=precision, seed=seed, epochs=10, eval_every=10, data_root=data_root)
            ),
            device,
            work_folder / f"cifar10-{precision}-{seed}",
        )
        for seed in _SEEDS
        for precision in ("fp32", "bf16")
    }


def mnist(device: str, data_root: str, work_folder: Path) -> Mapping[str, Unit]:
    """Return the paper's training on MNIST, in the precision that `auto` chooses."""
    config = parse_trial({**MNIST, "data_root": data_root, "eval_every": 10})
    return {"mnist_shared_information": _trained(_tried(device, config), device, work_folder / "mnist")}


def _tried(device: str, config: TrialConfig) -> TrialConfig:
    """Return the configuration itself on a GPU, and a tiny one of digits on a CPU."""
    if device == "cuda":
        return config
    tiny = {"dataset": "digits", "architecture": "digits_cnn", "augmentation": "none", "epochs": 2, "attack_steps": 1}
    return parse_trial({**tiny, "seed": config.seed, "precision": config.precision, "eval_images": 50})


def _trained(config: TrialConfig, device: str, folder: Path) -> Unit:
    """Train until the deadline or to the end, with a checkpoint after each epoch."""

    def measure(deadline: float) -> dict[str, Any] | None:
        if not is_available(config):
            return {"skipped": f"{config.dataset} is not in {config.data_root}"}
        trainer = Trainer(config, load_trial_data(config), device)
        if (folder / FILE_NAME).is_file():
            trainer.restore(folder)
        while trainer.epoch < trainer.epochs:
            began = time.monotonic()
            trainer.train_epoch()
            trainer.save(folder)
            if trainer.epoch < trainer.epochs and time_left(deadline) < 1.2 * (time.monotonic() - began):
                return None
        last = trainer.history[-1]
        return {
            "natural_accuracy": last["natural_accuracy"],
            "pgd_accuracy": last["pgd_accuracy"],
            "seconds_an_epoch": [round(epoch["seconds"], 2) for epoch in trainer.history],
            "fallbacks": trainer.fallbacks,
        }

    return measure
