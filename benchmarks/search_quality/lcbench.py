"""LCBench as YAHPO Gym models it: learning curves for 7 hyperparameters on 34 data sets, accuracy and time.

Pfisterer et al. 2022, arXiv:2109.03670; Zimmer et al. 2021, arXiv:2006.13799. The model (ONNX, Apache-2.0) is not part
of this project: `--lcbench DIR` names its folder. It needs the package onnxruntime.
"""

import json
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.search_quality.tasks import Parameters, Task
from tuner.pareto.objectives import FloatArray

EPOCHS = 52
# Three epochs, because the order after one epoch says almost nothing about the order after the last one.
_GRACE = 3
# In the order in which the model takes them, after the epoch.
_PARAMETERS: dict[str, Any] = {
    "batch_size": {"type": "int", "low": 16, "high": 512, "log": True},
    "learning_rate": {"type": "float", "low": 1e-4, "high": 0.1, "log": True},
    "momentum": {"type": "float", "low": 0.1, "high": 0.99},
    "weight_decay": {"type": "float", "low": 1e-5, "high": 0.1},
    "num_layers": {"type": "int", "low": 1, "high": 5},
    "max_units": {"type": "int", "low": 64, "high": 1024, "log": True},
    "max_dropout": {"type": "float", "low": 0.0, "high": 1.0},
}
# The model's outputs: time, validation accuracy (in per cent), and four more.
_TIME, _ACCURACY = 0, 1


def lcbench_tasks(folder: Path, names: list[str]) -> list[Task]:
    """Return a task for each OpenML task id; the losses are 1 - validation accuracy and the time so far in seconds."""
    import onnxruntime

    codes = json.loads((folder / "encoding.json").read_text(encoding="utf-8"))["OpenML_task_id"]
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(folder / "model.onnx"), options)
    return [_task(name, _curve_of(session, codes[name])) for name in names]


def _task(name: str, curve: Callable[[Parameters], FloatArray]) -> Task:
    def seconds(point: Parameters) -> float:
        return float(curve(point)[-1, 1]) / EPOCHS

    return Task(f"lcbench_{name}", _PARAMETERS, EPOCHS, _GRACE, curve, seconds)


def _curve_of(session: Any, code: int) -> Callable[[Parameters], FloatArray]:
    @lru_cache(maxsize=4096)
    def predicted(values: tuple[float, ...]) -> FloatArray:
        rows = np.array([[epoch, *values] for epoch in range(1, EPOCHS + 1)], dtype=np.float32)
        inputs = {"x_cat": np.full((EPOCHS, 1), code, dtype=np.int32), "x_cont": rows}
        (output,) = session.run(None, inputs)
        # The model is a fit. A cumulative time that falls from one epoch to the next is an error of the fit.
        time = np.maximum.accumulate(output[:, _TIME].astype(np.float64))
        return np.stack([1 - output[:, _ACCURACY].astype(np.float64) / 100, time], axis=1)

    def curve(point: Parameters) -> FloatArray:
        return predicted(tuple(float(point[name]) for name in _PARAMETERS))

    return curve
