"""Tasks in which something that decides the end cannot be seen at the rungs, as in real trainings with schedules.

- `late_knob`: lambda trades one accuracy for the other, but acts in the last sixth of a training only, like a weight
  that is ramped up.
- `late_drop`: the learning rate drops after two thirds of a training. Before the drop small rates lead, after it the
  large ones do.
- `late_method`: one of three methods is the best at the end. At the first rungs another one leads, and each method
  needs another strength.
"""

import math

import numpy as np

from benchmarks.search_quality.tasks import Parameters, Task, noise_of, steady
from tuner.pareto.objectives import FloatArray


def late_tasks() -> list[Task]:
    """Return the three tasks."""
    return [_late_knob(), _late_drop(), _late_method()]


def _late_knob() -> Task:
    epochs = 60

    def curve(point: Parameters) -> FloatArray:
        share = math.log(point["lambda"] / 0.1) / math.log(300)
        rate = math.log10(point["learning_rate"]) + 3  # 0 to 3
        quality = 1 - 0.3 * (point["alpha"] - 0.6) ** 2 - 0.12 * (rate - 1.8) ** 2 - 0.1 * (point["dropout"] - 0.2) ** 2
        epoch = np.arange(1, epochs + 1)
        ramp = (6 * epoch / epochs - 5).clip(0, 1)
        learnt = quality * (1 - np.exp(-epoch * (0.05 + 0.03 * rate)))
        natural = learnt * (1 - 0.45 * ramp * share**1.5)
        robust = learnt * (0.25 + 0.4 * ramp * math.sqrt(share))
        return 1 - np.stack([natural, robust], axis=1) + noise_of(point, "late_knob").normal(0.0, 0.004, (epochs, 2))

    parameters = {
        "lambda": {"type": "float", "low": 0.1, "high": 30.0, "log": True},
        "learning_rate": {"type": "float", "low": 1e-3, "high": 1.0, "log": True},
        "alpha": {"type": "float", "low": 0.0, "high": 1.0},
        "dropout": {"type": "float", "low": 0.0, "high": 0.5},
    }
    return Task("late_knob", parameters, epochs, 4, curve, steady)


def _late_drop() -> Task:
    epochs = 45

    def curve(point: Parameters) -> FloatArray:
        rate = math.log10(point["learning_rate"]) + 3  # 0 to 3
        decay = math.log10(point["weight_decay"]) + 5  # 0 to 3
        width = math.log2(point["width"] / 16) / 4  # 0 to 1
        epoch = np.arange(1, epochs + 1)
        drop = 1 / (1 + np.exp(-(epoch - 2 * epochs / 3)))
        best = 0.7 + 0.25 * width - 0.08 * (rate - 2.2) ** 2 - 0.05 * (decay - 1.5) ** 2
        restless = 0.18 * rate * (1 - drop)  # what a large rate costs before the drop
        accuracy = (best - restless) * (1 - np.exp(-0.15 * epoch))
        cost = np.full(epochs, (0.1 + 0.9 * width**2) * (0.8 + 0.2 * point["batches"] / 8))
        error = 1 - accuracy + 0.02 * (8 - point["batches"]) / 8
        return np.stack([error, cost], axis=1) + noise_of(point, "late_drop").normal(0.0, 0.005, (epochs, 2))

    parameters = {
        "learning_rate": {"type": "float", "low": 1e-3, "high": 1.0, "log": True},
        "weight_decay": {"type": "float", "low": 1e-5, "high": 1e-2, "log": True},
        "width": {"type": "int", "low": 16, "high": 256, "log": True},
        "batches": {"type": "int", "low": 1, "high": 8},
    }
    return Task("late_drop", parameters, epochs, 2, curve, steady)


# (accuracy at the end, speed, best strength) of each method.
_METHODS = {"plain": (0.72, 0.35, 0.2), "mixed": (0.8, 0.15, 0.5), "slow": (0.92, 0.06, 0.8)}


def _late_method() -> Task:
    epochs = 54

    def curve(point: Parameters) -> FloatArray:
        top, speed, strength = _METHODS[point["method"]]
        quality = top - 0.5 * (point["strength"] - strength) ** 2 - 0.1 * (point["x"] - 0.3) ** 2
        epoch = np.arange(1, epochs + 1)
        learnt = quality * (1 - np.exp(-speed * epoch)) / (1 - math.exp(-speed * epochs))
        natural = learnt * (1 - 0.35 * point["strength"] * point["y"])
        robust = learnt * (0.3 + 0.5 * math.sqrt(point["strength"] * point["y"]))
        noise = noise_of(point, "late_method").normal(0.0, 0.006, (epochs, 2))
        return 1 - np.stack([natural, robust], axis=1) + noise

    parameters = {
        "method": {"type": "categorical", "choices": list(_METHODS)},
        "strength": {"type": "float", "low": 0.0, "high": 1.0},
        "x": {"type": "float", "low": 0.0, "high": 1.0},
        "y": {"type": "float", "low": 0.0, "high": 1.0},
    }
    return Task("late_method", parameters, epochs, 3, curve, steady)
