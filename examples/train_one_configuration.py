"""Train one configuration on scikit-learn's 8x8 digits and print its accuracies: no search, no Ray.

python examples/train_one_configuration.py
"""

from collections.abc import Callable, Mapping
from pathlib import Path

import torch

from training.config import parse_trial
from training.data import load_trial_data
from training.trainer import Trainer

# Absent keys have the paper's values for CIFAR-10; docs/paper.md lists all keys.
CONFIG = {
    "dataset": "digits",
    "architecture": "digits_cnn",
    "augmentation": "none",
    "validation_fraction": 0.3,
    "objective": "trades",
    "lambda": 1.0,
    "bottleneck": 32,
    "epochs": 5,
    "batch_size": 64,
    "epsilon": 0.2,
    "attack_steps": 5,
    "attack_step_size": 0.06,
    "eval_attack_steps": 10,
    "eval_attack_step_size": 0.04,
}


def report(epoch: int, metrics: Mapping[str, float], save: Callable[[Path], None]) -> None:
    """Print the accuracies after an epoch; `save(folder)` would write a checkpoint."""
    del save
    print(f"epoch {epoch}: natural {metrics['natural_accuracy']:.1%}, PGD {metrics['pgd_accuracy']:.1%}")


def main() -> None:
    """Train, and print the accuracies on the validation split after each epoch."""
    torch.set_num_threads(1)  # fastest for a network of this size
    config = parse_trial(CONFIG)
    trainer = Trainer(config, load_trial_data(config), device="cpu")
    trainer.run(report)
    print(f"{trainer.epochs} epochs trained; the model is a {type(trainer.model).__name__}, a torch.nn.Module")


if __name__ == "__main__":
    main()
