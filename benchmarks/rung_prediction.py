"""How well the accuracies at a rung rank trials by their final accuracies.

Run:  python -m benchmarks.rung_prediction --space digits_tradeoff --points 40
      python -m benchmarks.rung_prediction --space mnist_tradeoff --data-root DIR --points 16 --set KEY=VALUE ...
Trains random points of a space to the end and measures their accuracies on the validation split after every epoch. For
each epoch it computes, by objective, Spearman's rank correlation with the final accuracy and its bootstrap standard
error. For each epoch of --rungs it also says which part of the final front, and of its hypervolume, remains if only a
share of the points goes on, and how many epochs a point then costs on average. A second seed shows how much of the
order is noise. Writes benchmarks/results/rung_prediction_SPACE.json with hardware, versions, date and command.
"""

import argparse
import json
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.stats import rankdata
from tqdm import tqdm

from benchmarks.surroundings import command, surroundings
from training.config import ACCURACIES, TrialConfig
from training.data import TrialData, load_trial_data
from training.trainer import DivergedError, Trainer
from tuner.pareto.dominance import non_domination_rank
from tuner.pareto.hypervolume import hypervolume
from tuner.pareto.objectives import FloatArray
from tuner.pareto.preference import preference_rank
from tuner.search.sampling import Evidence, propose
from tuner.space import Space, load_space

_RESULTS = Path(__file__).parent / "results"
_KEPT = (1 / 5, 1 / 3, 1 / 2)
_RESAMPLES = 1000
# Accuracies by epoch, (epochs, 2), one column for each metric of ACCURACIES.
Curve = list[tuple[float, ...]]


def main() -> None:
    """Train every point, and print and write the correlations."""
    arguments = _arguments()
    flags = {} if arguments.data_root is None else {"trial.data_root": arguments.data_root}
    space = load_space(arguments.space, arguments.set, {**flags, "trial.eval_every": 1})
    tasks = [(space.trial_config(point), not arguments.one_seed) for point in points(space, arguments.points)]
    runs = _measured(tasks, arguments.processes, arguments.kept)
    curves = np.array([run["curve"] for run in runs])
    result = {
        "command": command("rung_prediction", arguments.data_root, str(arguments.kept)),
        "points": len(runs),
        "epochs": space.epochs,
        "by_epoch": {epoch: spearman(curves[:, epoch - 1], curves[:, -1]) for epoch in range(1, space.epochs)},
        "another_seed": None if arguments.one_seed else _between_seeds(runs, arguments.rungs),
        "rungs": {rung: kept_at(curves, rung) for rung in arguments.rungs},
        "values": runs,
        **surroundings(("torch", "numpy", "scipy")),
    }
    path = _RESULTS / f"rung_prediction_{space.name}.json"
    path.write_text(json.dumps(result) + "\n", encoding="utf-8")
    print(json.dumps({key: value for key, value in result.items() if key != "values"}, indent=1))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--space", default="digits_tradeoff")
    parser.add_argument("--points", type=int, default=40, help="how many random points of the space are trained")
    parser.add_argument("--rungs", type=int, nargs="+", default=[5, 10], help="epochs at which a share goes on")
    parser.add_argument("--one-seed", action="store_true", help="do not train each point with a second seed")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--kept", type=Path, default=None, help="file that keeps finished points; a new run resumes it")
    parser.add_argument("--data-root", default=None)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    return parser.parse_args()


def points(space: Space, count: int) -> list[dict[str, Any]]:
    """Draw random points of a space; every call draws the same ones."""
    nothing = Evidence(measured=[], running=[], tried=[])
    draw = partial(propose, "random", space.distributions(), 2, nothing, seed=1, conditions=space.conditions)
    return [draw(number=number) for number in range(count)]


def _measured(tasks: Sequence[tuple[TrialConfig, bool]], processes: int, kept: Path | None) -> list[dict[str, Any]]:
    """Measure the points that the file `kept` does not have yet, and append each to it when it is done."""
    lines = kept.read_text("utf-8").splitlines() if kept is not None and kept.exists() else []
    runs = [json.loads(line) for line in lines[: len(tasks)]]
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        futures = [pool.submit(measure, *task) for task in tasks[len(runs) :]]
        for future in tqdm(futures, unit="point"):
            runs.append(future.result())
            if kept is not None:
                with kept.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(runs[-1]) + "\n")
    return runs


def measure(config: TrialConfig, another_seed: bool) -> dict[str, Any]:
    """Train one point, if asked with a second seed too; return its parameters and its accuracies by epoch."""
    torch.set_num_threads(1)
    torch.manual_seed(config.seed)
    data = load_trial_data(config)
    found: dict[str, Any] = {"curve": _curve(config, data)}
    if another_seed:
        found["another_seed"] = _curve(replace(config, seed=config.seed + 1), data)
    return {
        "parameters": {"alpha": config.knobs["alpha"], "lambda": config.knobs["lam"], "bottleneck": config.bottleneck},
        **found,
    }


def _curve(config: TrialConfig, data: TrialData) -> Curve:
    """Train to the end; a training that diverges has an accuracy of 0 from then on, as bad as any."""
    trainer = Trainer(config, data, "cpu")
    try:
        while trainer.epoch < config.epochs:
            trainer.train_epoch()
    except DivergedError:
        pass
    curve = [tuple(metrics[name] for name in ACCURACIES) for metrics in trainer.history]
    return curve + [(0.0, 0.0)] * (config.epochs - len(curve))


def kept_at(curves: FloatArray, rung: int) -> dict[str, dict[str, float]]:
    """Return, for each share of the points that goes on, what is kept and the mean epochs of a point.

    `curves` are the accuracies of all points, (points, epochs, 2).
    """
    epochs = curves.shape[1]
    return {
        f"{share:.2f}": {
            "mean_epochs": round(rung + share * (epochs - rung), 2),
            **kept_of_front(curves[:, rung - 1], curves[:, -1], share),
        }
        for share in _KEPT
    }


def kept_of_front(early: FloatArray, final: FloatArray, share: float) -> dict[str, float]:
    """Return the parts of the final front, and of its hypervolume, that the best `share` of the points keeps.

    `early` and `final` are accuracies at a rung and at the end, (points, 2). The points that go on are those that a
    search prefers at the rung.
    """
    order = np.argsort(preference_rank(-early), kind="stable")
    kept = order[: max(1, round(share * len(order)))]
    front = np.flatnonzero(non_domination_rank(-final) == 0)
    return {
        "front_kept": round(float(np.isin(front, kept).mean()), 3),
        "hypervolume_kept": round(_volume(final[kept]) / _volume(final), 4),
    }


def _volume(accuracies: FloatArray) -> float:
    return hypervolume(-accuracies, np.zeros(accuracies.shape[1]))


def _between_seeds(runs: Sequence[dict[str, Any]], rungs: Sequence[int]) -> dict[str, Any]:
    """Correlate the accuracies of two seeds, at the rungs and at the end."""
    first, second = (np.array([run[name] for run in runs]) for name in ("curve", "another_seed"))
    ends = {**{str(rung): rung - 1 for rung in rungs}, "final": -1}
    return {name: spearman(first[:, place], second[:, place]) for name, place in ends.items()}


def spearman(early: FloatArray, final: FloatArray) -> dict[str, dict[str, float]]:
    """Return, by objective, Spearman's coefficient of two (points, 2) matrices and its bootstrap standard error."""
    count = len(early)
    draws = np.random.default_rng(0).integers(count, size=(_RESAMPLES, count))
    value = rank_correlation(early.T, final.T)
    spread = np.nanstd(rank_correlation(early.T[:, draws], final.T[:, draws]), axis=1)
    return {
        name: {"spearman": round(float(value[i]), 3), "se": round(float(spread[i]), 3)}
        for i, name in enumerate(ACCURACIES)
    }


def rank_correlation(first: FloatArray, second: FloatArray) -> FloatArray:
    """Compute Spearman's coefficient along the last axis; NaN where all values of one side are equal."""
    ranks = [rankdata(values, axis=-1) for values in (first, second)]
    a, b = (r - r.mean(axis=-1, keepdims=True) for r in ranks)
    with np.errstate(invalid="ignore"):
        found: FloatArray = (a * b).sum(axis=-1) / np.sqrt((a * a).sum(axis=-1) * (b * b).sum(axis=-1))
    return found


if __name__ == "__main__":
    main()
