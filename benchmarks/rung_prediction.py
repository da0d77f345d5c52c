"""What a trial's value at a rung says of its final value, for four ways to train towards a rung.

Run:  python -m benchmarks.rung_prediction --space digits_tradeoff --points 40
      python -m benchmarks.rung_prediction --space mnist_tradeoff --data-root DIR --points 12 --set KEY=VALUE ...
Writes benchmarks/results/rung_prediction_SPACE.json.

as_is      the value at that epoch of the whole schedule
restart    a complete schedule of so many epochs; survivors start again with the whole one
continue   a complete schedule of so many epochs; survivors go on from its weights with a complete schedule of the rest
branch     the schedule as it is, and at the rung a short branch for measurement only: learning rate divided by ten,
           then by a hundred, and lambda led to its final value

Spearman's rank correlation with the final value, by objective, and which part of the final front is among the best
share of the points at the rung (the share that a reduction factor lets through, by the search's own order).
"""

import argparse
import json
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.stats import spearmanr
from tqdm import tqdm

from benchmarks.surroundings import command, surroundings
from training.config import METRICS, TrialConfig
from training.data import load_trial_data
from training.trainer import Trainer
from tuner.front.dominance import non_domination_rank
from tuner.front.order import preference_rank
from tuner.sampling import Evidence, propose
from tuner.space import Space, load_space

_RESULTS = Path(__file__).parent / "results"
_KEPT = (1 / 5, 1 / 3, 1 / 2)
Values = tuple[float, ...]


def main() -> None:
    """Train every point in every way, and print and write the correlations."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--space", default="digits_tradeoff")
    parser.add_argument("--points", type=int, default=40)
    parser.add_argument("--rungs", type=float, nargs="+", default=[0.25, 0.5], help="shares of the budget")
    parser.add_argument("--branch", type=float, default=0.1, help="the branch's share of the budget")
    parser.add_argument("--data-root", default=None)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    arguments = parser.parse_args()
    flags = {} if arguments.data_root is None else {"trial.data_root": arguments.data_root}
    space = load_space(arguments.space, arguments.set, flags)
    configs = [space.trial_config(point) for point in random_points(space, arguments.points)]
    rungs = sorted({max(1, round(share * space.epochs)) for share in arguments.rungs})
    branch = max(1, round(arguments.branch * space.epochs))
    runs = _measured([(config, rungs, branch) for config in configs])
    result = {
        "command": command("rung_prediction", arguments.data_root),
        "points": len(runs),
        "epochs": space.epochs,
        "branch_epochs": branch,
        "rungs": {str(rung): compare(runs, rung, space.epochs, branch) for rung in rungs},
        "values": runs,
        **surroundings(("torch", "numpy", "scipy")),
    }
    (_RESULTS / f"rung_prediction_{space.name}.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(result["rungs"], indent=2))


def random_points(space: Space, count: int) -> list[dict[str, Any]]:
    """Draw points of a space, the same for everyone who asks."""
    nothing = Evidence(measured=[], running=[], tried=[])
    distributions = space.distributions()
    return [propose("random", distributions, 2, nothing, seed=1, number=number) for number in range(count)]


def _measured(tasks: Sequence[tuple[TrialConfig, list[int], int]]) -> list[dict[str, Any]]:
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as pool:
        futures = [pool.submit(measure, *task) for task in tasks]
        return [future.result() for future in tqdm(futures, unit="point")]


def measure(config: TrialConfig, rungs: list[int], branch: int) -> dict[str, Any]:
    """Train one point in every way; give natural and PGD accuracy as `WAY@RUNG` and, of the final ones, `WAY`."""
    torch.set_num_threads(1)
    torch.manual_seed(config.seed)
    data = load_trial_data(config)

    def train(settings: TrialConfig, weights: dict[str, Any] | None = None) -> tuple[Values, dict[str, Any]]:
        trainer = Trainer(settings, data, "cpu")
        if weights is not None:
            trainer.model.load_state_dict(weights)
        trainer.run(lambda _epoch, _metrics, _save: None)
        return _values(trainer), trainer.model.state_dict()

    whole = Trainer(config, data, "cpu")
    found: dict[str, Values] = {}
    while whole.epoch < config.epochs:
        whole.train_epoch()
        if whole.epoch in rungs:
            found[f"as_is@{whole.epoch}"] = _values(whole)
            weights = {name: value.clone() for name, value in whole.model.state_dict().items()}
            found[f"branch@{whole.epoch}"], _ = train(_branch(config, branch, whole.history[-1]["lambda"]), weights)
    found["as_is"] = found["restart"] = found["branch"] = _values(whole)
    for rung in rungs:
        found[f"restart@{rung}"], weights = train(replace(config, epochs=rung))
        found[f"continue@{rung}"] = found[f"restart@{rung}"]
        found[f"continue@{rung} final"], _ = train(replace(config, epochs=config.epochs - rung), weights)
    return {"parameters": {"alpha": config.alpha, "lambda": config.lam, "bottleneck": config.bottleneck}, **found}


def _values(trainer: Trainer) -> Values:
    return tuple(trainer.history[-1][name] for name in METRICS)


def _branch(config: TrialConfig, epochs: int, lam: float) -> TrialConfig:
    return replace(
        config,
        epochs=epochs,
        learning_rate=0.1 * config.learning_rate,
        lr_drops=(0.5,),
        lr_after_drops=(),
        lr_drop_factor=0.1,
        lam_start=lam,
        ramp_start=0.0,
        ramp_end=0.5,
    )


def compare(runs: Sequence[dict[str, Any]], rung: int, epochs: int, branch: int) -> dict[str, Any]:
    """Give, for each way, correlations, the parts of the front that are kept, and the epochs that a point costs."""
    costs: dict[str, Callable[[float], float]] = {
        "as_is": lambda kept: rung + kept * (epochs - rung),
        "restart": lambda kept: rung + kept * epochs,
        "continue": lambda kept: rung + kept * (epochs - rung),
        "branch": lambda kept: rung + branch + kept * (epochs - rung),
    }
    return {way: _way(runs, way, rung, costs[way]) for way in costs}


def _way(runs: Sequence[dict[str, Any]], way: str, rung: int, cost: Callable[[float], float]) -> dict[str, Any]:
    early = np.array([run[f"{way}@{rung}"] for run in runs])
    final = np.array([run[f"{way}@{rung} final" if way == "continue" else way] for run in runs])
    front = set(np.flatnonzero(non_domination_rank(-final) == 0).tolist())
    order = np.argsort(preference_rank(-early), kind="stable")
    kept = {f"{share:.2f}": set(order[: max(1, round(share * len(runs)))].tolist()) for share in _KEPT}
    return {
        **{
            f"spearman_{name}": round(float(spearmanr(early[:, i], final[:, i])[0]), 3)
            for i, name in enumerate(METRICS)
        },
        "best_final": {name: round(float(final[:, i].max()), 4) for i, name in enumerate(METRICS)},
        "front_size": len(front),
        "front_kept": {share: round(len(front & numbers) / len(front), 3) for share, numbers in kept.items()},
        "mean_epochs": {f"{share:.2f}": round(cost(share), 2) for share in _KEPT},
    }


if __name__ == "__main__":
    main()
