"""What a trial's value at a rung says of its final value, for four ways to train towards a rung.

Run:  python -m benchmarks.rung_prediction --space digits_tradeoff --points 40
      python -m benchmarks.rung_prediction --space mnist_tradeoff --data-root DIR --points 16 --set KEY=VALUE ...
Writes benchmarks/results/rung_prediction_SPACE.json.

The same random points and seed for all ways (`rung_schedules.py`), on the validation split. Of each way at
each rung:

- Spearman's rank correlation with the final value of the same way, by objective, with its bootstrap standard error,
  and by how much it differs from that of `as_is` after as many epochs, the branch's counted;
- which part of the final front, and of its hypervolume, is left of the share of points that goes on, in the order in
  which a search prefers trials;
- the epochs that a point costs on average, branches and second starts included, and what `as_is` gives at the epoch
  that costs as much.

`another_seed` is what the noise allows: the correlations of the final values, and of the rungs of `as_is`, between two
seeds. `decayed` is another branch: a tenth of the learning rate, then a hundredth, and lambda led to its final value.
"""

import argparse
import json
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from scipy.stats import rankdata
from tqdm import tqdm

from benchmarks.surroundings import command, surroundings
from training.config import METRICS, TrialConfig
from training.data import TrialData, load_trial_data
from training.trainer import DivergedError, Trainer
from training.trainer.rung_schedules import branch_config
from tuner.pareto.dominance import non_domination_rank
from tuner.pareto.hypervolume import hypervolume
from tuner.pareto.objectives import FloatArray
from tuner.pareto.preference import preference_rank
from tuner.search.sampling import Evidence, propose
from tuner.space import Space, load_space

WAYS = ("as_is", "restart", "continue", "branch", "decayed")
_RESULTS = Path(__file__).parent / "results"
_KEPT = (1 / 5, 1 / 3, 1 / 2)
_RESAMPLES = 1000
# Accuracies by epoch, (epochs, 2); a training that diverged has none from then on.
Curve = list[tuple[float, ...]]


def main() -> None:
    """Train every point in every way, and print and write the correlations."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--space", default="digits_tradeoff")
    parser.add_argument("--points", type=int, default=40)
    parser.add_argument("--rungs", type=int, nargs="+", default=[5, 10], help="epochs")
    parser.add_argument("--branch-epochs", type=int, default=2)
    parser.add_argument("--one-seed", action="store_true", help="leave out what another seed gives")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--kept", type=Path, default=None, help="file of the points so far: broken off, it goes on")
    parser.add_argument("--data-root", default=None)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    arguments = parser.parse_args()
    flags = {} if arguments.data_root is None else {"trial.data_root": arguments.data_root}
    space = load_space(arguments.space, arguments.set, {**flags, "trial.eval_every": 1})
    configs = [replace(space.trial_config(p), branch_epochs=arguments.branch_epochs) for p in points(space, arguments)]
    tasks = [(config, arguments.rungs, not arguments.one_seed) for config in configs]
    runs = _measured(tasks, arguments.processes, arguments.kept)
    result = {
        "command": command("rung_prediction", arguments.data_root, str(arguments.kept)),
        "points": len(runs),
        "epochs": space.epochs,
        "branch_epochs": arguments.branch_epochs,
        "another_seed": None if arguments.one_seed else _between_seeds(runs, arguments.rungs),
        "as_is_by_epoch": {epoch: _correlations(runs, "as_is", epoch) for epoch in range(1, space.epochs)},
        "rungs": {rung: _rung(runs, rung, space.epochs, arguments.branch_epochs) for rung in arguments.rungs},
        "values": runs,
        **surroundings(("torch", "numpy", "scipy")),
    }
    path = _RESULTS / f"rung_prediction_{space.name}.json"
    path.write_text(json.dumps(result) + "\n", encoding="utf-8")
    print(json.dumps({key: value for key, value in result.items() if key != "values"}, indent=1))


def points(space: Space, arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """Draw points of a space, the same for everyone who asks."""
    nothing = Evidence(measured=[], running=[], tried=[])
    distributions = space.distributions()
    return [propose("random", distributions, 2, nothing, seed=1, number=n) for n in range(arguments.points)]


def _measured(
    tasks: Sequence[tuple[TrialConfig, list[int], bool]], processes: int, kept: Path | None
) -> list[dict[str, Any]]:
    """Measure the points that are not in the file `kept` yet, and keep each as it is done."""
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


def measure(config: TrialConfig, rungs: list[int], another_seed: bool) -> dict[str, Any]:
    """Train one point in every way; give its parameters and, by way and rung, its accuracies."""
    torch.set_num_threads(1)
    torch.manual_seed(config.seed)
    data = load_trial_data(config)
    found: dict[str, Any] = {"branch": {}, "decayed": {}, "continue": {}}
    trainer = Trainer(config, data, "cpu")
    for rung in rungs:
        _curve(trainer, rung)
        found["branch"][str(rung)] = _branch(trainer, branch_config(config, rung))
        found["decayed"][str(rung)] = _branch(trainer, _decayed(config, trainer.history[-1:]))
    found["as_is"] = _curve(trainer, config.epochs)
    if another_seed:
        found["another_seed"] = _trained(replace(config, seed=config.seed + 1), data)
    for rung in rungs:
        found["continue"][str(rung)] = _trained(replace(config, rungs=(rung,), rung_schedule="continue"), data)
    return {"parameters": {"alpha": config.alpha, "lambda": config.lam, "bottleneck": config.bottleneck}, **found}


def _trained(config: TrialConfig, data: TrialData) -> Curve:
    return _curve(Trainer(config, data, "cpu"), config.epochs)


def _curve(trainer: Trainer, epochs: int) -> Curve:
    """Train until so many epochs are finished; a search ends a trial that diverges, as bad as any."""
    try:
        while trainer.epoch < epochs:
            trainer.train_epoch()
    except DivergedError:
        pass
    curve = [tuple(metrics[name] for name in METRICS) for metrics in trainer.history[:epochs]]
    return curve + [(0.0, 0.0)] * (epochs - len(curve))


def _branch(trainer: Trainer, config: TrialConfig) -> tuple[float, ...]:
    try:
        found = trainer.branch(config)
    except DivergedError:
        return (0.0, 0.0)
    return tuple(found[name] for name in METRICS)


def _decayed(config: TrialConfig, last: Sequence[dict[str, float]]) -> TrialConfig:
    return replace(
        config,
        epochs=config.branch_epochs,
        learning_rate=0.1 * config.learning_rate,
        lr_drops=(0.5,),
        lr_after_drops=(),
        lr_drop_factor=0.1,
        lam_start=last[-1]["lambda"] if last else config.lam_start,
        ramp_start=0.0,
        ramp_end=0.5,
    )


class _Compared(NamedTuple):
    """The accuracies of all points at a rung and at the end, (points, 2) each."""

    early: FloatArray
    final: FloatArray


def _compared(runs: Sequence[dict[str, Any]], way: str, rung: int) -> _Compared:
    """Take what each way compares at `rung`; a second start gives the values of a first one, bit for bit."""
    if way in {"restart", "continue"}:
        curves = np.array([run["continue"][str(rung)] for run in runs])
        whole = curves if way == "continue" else np.array([run["as_is"] for run in runs])
        return _Compared(curves[:, rung - 1], whole[:, -1])
    whole = np.array([run["as_is"] for run in runs])
    early = whole[:, rung - 1] if way == "as_is" else np.array([run[way][str(rung)] for run in runs])
    return _Compared(early, whole[:, -1])


def _rung(runs: Sequence[dict[str, Any]], rung: int, epochs: int, branch: int) -> dict[str, Any]:
    """Give, for each way, correlations and, by the share that goes on, what is left and what a point costs."""
    all_points = _volume(_compared(runs, "as_is", rung).final)
    extra = {"restart": (0, rung), "branch": (branch, 0), "decayed": (branch, 0)}
    found = {}
    for way in WAYS:
        before, after = extra.get(way, (0, 0))
        shares = {}
        for share in _KEPT:
            cost = rung + before + share * (epochs - rung + after)
            # The rung of as_is at which the same share goes on for the same epochs.
            equal = min(epochs - 1, round((cost - share * epochs) / (1 - share)))
            shares[f"{share:.2f}"] = {
                "mean_epochs": round(cost, 2),
                **_left(_compared(runs, way, rung), share, all_points),
                "as_is_at_equal_cost": {"rung": equal, **_left(_compared(runs, "as_is", equal), share, all_points)},
            }
        found[way] = {
            **_correlations(runs, way, rung),
            "minus_as_is": _difference(_compared(runs, way, rung), _compared(runs, "as_is", rung + before)),
            "hypervolume_of_all": round(_volume(_compared(runs, way, rung).final) / all_points, 4),
            "by_share": shares,
        }
    return found


def _left(compared: _Compared, share: float, all_points: float) -> dict[str, float]:
    """Give the parts of the front, and of the hypervolume of all points under as_is, that the best share keeps."""
    order = np.argsort(preference_rank(-compared.early), kind="stable")
    kept = order[: max(1, round(share * len(order)))]
    front = np.flatnonzero(non_domination_rank(-compared.final) == 0)
    return {
        "front_kept": round(float(np.isin(front, kept).mean()), 3),
        "hypervolume_kept": round(_volume(compared.final[kept]) / all_points, 4),
    }


def _volume(accuracies: FloatArray) -> float:
    return hypervolume(-accuracies, np.zeros(accuracies.shape[1]))


def _correlations(runs: Sequence[dict[str, Any]], way: str, rung: int) -> dict[str, Any]:
    return _spearman(_compared(runs, way, rung))


def _between_seeds(runs: Sequence[dict[str, Any]], rungs: Sequence[int]) -> dict[str, Any]:
    """Correlate two seeds' values, at the rungs and at the end: no value of another training can say more."""
    first, second = (np.array([run[name] for run in runs]) for name in ("as_is", "another_seed"))
    ends = {**{str(rung): rung - 1 for rung in rungs}, "final": -1}
    return {name: _spearman(_Compared(first[:, place], second[:, place])) for name, place in ends.items()}


def _spearman(compared: _Compared) -> dict[str, Any]:
    value, spread = _rank_correlation(*(part.T for part in compared)), np.nanstd(_resampled(compared), axis=1)
    return {
        name: {"spearman": round(float(value[i]), 3), "se": round(float(spread[i]), 3)}
        for i, name in enumerate(METRICS)
    }


def _difference(one: _Compared, other: _Compared) -> dict[str, Any]:
    """Give by how much two correlations differ, with the standard error of the same points drawn for both."""
    value = _rank_correlation(*(part.T for part in one)) - _rank_correlation(*(part.T for part in other))
    spread = np.nanstd(_resampled(one) - _resampled(other), axis=1)
    return {
        name: {"difference": round(float(value[i]), 3), "se": round(float(spread[i]), 3)}
        for i, name in enumerate(METRICS)
    }


def _resampled(compared: _Compared) -> FloatArray:
    """Give the correlations of bootstrap samples, (2, resamples), of the same points whenever it is asked."""
    count = len(compared.early)
    draws = np.random.default_rng(0).integers(count, size=(_RESAMPLES, count))
    return _rank_correlation(*(part.T[:, draws] for part in compared))


def _rank_correlation(first: FloatArray, second: FloatArray) -> FloatArray:
    """Give Spearman's coefficient along the last axis; NaN where all values of one are equal."""
    ranks = [rankdata(values, axis=-1) for values in (first, second)]
    a, b = (r - r.mean(axis=-1, keepdims=True) for r in ranks)
    with np.errstate(invalid="ignore"):
        found: FloatArray = (a * b).sum(axis=-1) / np.sqrt((a * a).sum(axis=-1) * (b * b).sum(axis=-1))
    return found


if __name__ == "__main__":
    main()
