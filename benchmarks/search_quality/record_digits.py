"""Record learning curves of the digits trainer on a grid, for the task `digits` of search_quality.

Run:  python -m benchmarks.search_quality.record_digits [--jobs 1]
Writes benchmarks/results/digits_curves.json with hardware, versions, date and command. The other parameters are those
of the space digits_tradeoff. beta stays at the paper's 0.001 because beta * HSIC is too small to change anything.
"""

import argparse
import itertools
import json
import math
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import torch
from tqdm import tqdm

from benchmarks.surroundings import command, surroundings
from training.config import ACCURACIES, TrialConfig
from training.data import load_trial_data
from training.trainer import Trainer
from tuner.space import load_space

RECORD = Path(__file__).parents[1] / "results" / "digits_curves.json"
# Equal steps of alpha, and of the logarithms of the two others; the task interpolates between them.
GRID: dict[str, list[float]] = {
    "alpha": [0.0, 1 / 3, 2 / 3, 1.0],
    "lambda": [math.exp(math.log(0.1) + k / 7 * math.log(100)) for k in range(8)],
    "bottleneck": [16, 128],
}


def main() -> None:
    """Train every point of the grid and write its natural and PGD accuracies by epoch."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    arguments = parser.parse_args()
    space = load_space("digits_tradeoff", [], {"trial.eval_every": 1})
    points = [dict(zip(GRID, values, strict=True)) for values in itertools.product(*GRID.values())]
    configs = [space.trial_config({"beta": 0.001, **point}) for point in points]
    with ProcessPoolExecutor(arguments.jobs, mp_context=get_context("spawn")) as pool:
        curves = list(tqdm(pool.map(curve, configs), total=len(configs), unit="point"))
    result = {
        "command": command("search_quality.record_digits"),
        "metrics": list(ACCURACIES),
        "grid": GRID,
        "curves": curves,
        **surroundings(("torch", "numpy", "scikit-learn")),
    }
    RECORD.write_text(json.dumps(result) + "\n", encoding="utf-8")


def curve(config: TrialConfig) -> list[list[float]]:
    """Train one configuration and return its accuracies, (epochs, 2)."""
    torch.set_num_threads(1)
    trainer = Trainer(config, load_trial_data(config), "cpu")
    rows: list[list[float]] = []
    trainer.run(lambda _epoch, metrics, _save: rows.append([round(metrics[name], 5) for name in ACCURACIES]))
    return rows


if __name__ == "__main__":
    main()
