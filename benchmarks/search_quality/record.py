"""Record learning curves of real trainings on a grid, for the tasks `digits` and `mnist` of search_quality.

Run:  python -m benchmarks.search_quality.record digits|mnist --keep FOLDER [--data-root DIR] [--jobs 1]
Writes benchmarks/results/NAME_curves.json with hardware, versions, date and command. Each curve is also kept in a
folder, so that an interrupted recording goes on. MNIST is needed in --data-root, in torchvision's layout.
"""

import argparse
import itertools
import json
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import torch
from tqdm import tqdm

from benchmarks.search_quality.recordings import RECORDINGS
from benchmarks.surroundings import command, surroundings
from training.config import ACCURACIES, TrialConfig
from training.data import load_trial_data
from training.trainer import Trainer


def main() -> None:
    """Train every point of a grid and write its natural and PGD accuracies by epoch."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=list(RECORDINGS))
    parser.add_argument("--keep", type=Path, required=True, help="folder of the curves that are recorded already")
    parser.add_argument("--data-root", default="data", help="folder of the images")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    arguments = parser.parse_args()
    recording = RECORDINGS[arguments.name]
    space = recording.loaded_space(**{"trial.data_root": arguments.data_root})
    points = [dict(zip(recording.grid, values, strict=True)) for values in itertools.product(*recording.grid.values())]
    configs = [space.trial_config(point) for point in points]
    places = [arguments.keep / recording.name / f"{number:04d}.json" for number in range(len(points))]
    places[0].parent.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(arguments.jobs, mp_context=get_context("spawn")) as pool:
        curves = list(tqdm(pool.map(_kept, configs, places), total=len(configs), unit="point"))
    result = {
        "command": command("search_quality.record", str(arguments.keep), arguments.data_root),
        "metrics": list(ACCURACIES),
        "changes": dict(recording.changes),
        "grid": {name: list(values) for name, values in recording.grid.items()},
        "curves": curves,
        **surroundings(("torch", "numpy", "scikit-learn")),
    }
    recording.file.write_text(json.dumps(result) + "\n", encoding="utf-8")


def _kept(config: TrialConfig, place: Path) -> list[list[float]]:
    if not place.exists():
        unfinished = place.with_suffix(".part")
        unfinished.write_text(json.dumps(curve(config)), encoding="utf-8")
        unfinished.replace(place)
    found: list[list[float]] = json.loads(place.read_text(encoding="utf-8"))
    return found


def curve(config: TrialConfig) -> list[list[float]]:
    """Train one configuration and return its accuracies, (epochs, 2)."""
    torch.set_num_threads(1)
    trainer = Trainer(config, load_trial_data(config), "cpu")
    rows: list[list[float]] = []
    trainer.run(lambda _epoch, metrics, _save: rows.append([round(metrics[name], 5) for name in ACCURACIES]))
    return rows


if __name__ == "__main__":
    main()
