"""What is recorded of real trainings: the grids of parameters, and the settings of each training."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tuner.space import Space, load_space

_RESULTS = Path(__file__).parents[1] / "results"


@dataclass(frozen=True)
class Recording:
    """Learning curves of a shipped space's trainings over a grid, with some of its settings changed."""

    name: str
    space: str
    changes: Mapping[str, Any]
    grid: Mapping[str, tuple[float, ...]]

    @property
    def file(self) -> Path:
        """Where the curves are."""
        return _RESULTS / f"{self.name}_curves.json"

    def loaded_space(self, **changes: Any) -> Space:
        """Return the space with the changes; trials are evaluated after every epoch."""
        return load_space(self.space, [], {**self.changes, "trial.eval_every": 1, **changes})


def _even(low: float, high: float, count: int) -> tuple[float, ...]:
    return tuple(low + (high - low) * k / (count - 1) for k in range(count))


def _logarithmic(low: float, high: float, count: int) -> tuple[float, ...]:
    return tuple(math.exp(value) for value in _even(math.log(low), math.log(high), count))


# Steps are equal, or equal in the logarithm, because the tasks interpolate between them.
DIGITS = Recording(
    "digits",
    "digits_tradeoff",
    {},
    {
        "alpha": _even(0.0, 1.0, 4),
        "beta": _logarithmic(1e-4, 1e-1, 3),
        "lambda": _logarithmic(0.1, 10.0, 6),
        "bottleneck": (16, 45, 128),
    },
)
# Of the paper's setting that of two CPU cores: the network of the digits, 1,620 images, few epochs, and weak attacks.
MNIST = Recording(
    "mnist",
    "mnist_tradeoff",
    {
        "trial.architecture": "digits_cnn",
        "trial.train_fraction": 0.03,
        "trial.epochs": 18,
        "trial.batch_size": 64,
        "trial.learning_rate": 0.05,
        "trial.epsilon": 0.2,
        "trial.attack_steps": 5,
        "trial.attack_step_size": 0.08,
        "trial.eval_images": 500,
        "trial.eval_attack_steps": 10,
        "trial.eval_attack_step_size": 0.04,
        "early_stopping.grace_epochs": 2,
    },
    {
        "alpha": _even(0.0, 1.0, 3),
        "beta": _logarithmic(1e-3, 1e-1, 2),
        "lambda": _logarithmic(0.1, 30.0, 6),
        "bottleneck": (32, 256),
    },
)
RECORDINGS = {recording.name: recording for recording in (DIGITS, MNIST)}


def recorded() -> list[Recording]:
    """Return the recordings whose curves are there."""
    return [recording for recording in RECORDINGS.values() if recording.file.exists()]
