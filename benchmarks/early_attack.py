"""Does a cheaper attack before the last epoch rank trials as well as that of the end, and what does it save?

Run:  python -m benchmarks.early_attack digits --kept FILE [--points 24]
      python -m benchmarks.early_attack mnist --kept FILE --data-root DIR --points 12
Trains random points of a space to the end, those of MNIST on a small budget. At some epochs it evaluates each model
with the attack of the end and with `eval_early_attack_steps` of 1, 2 and 5. For each epoch and attack it computes
Spearman's rank correlation with the final accuracies, and the costs. Times are those of the CPU, one thread. Writes
benchmarks/results/early_attack_NAME.json with hardware, versions, date and command. FILE keeps finished points; a new
run resumes it.
"""

import argparse
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from tqdm import tqdm

from benchmarks.rung_prediction import points, rank_correlation, spearman
from benchmarks.surroundings import command, surroundings, write_result
from training.config import ACCURACIES, TrialConfig
from training.data import ImageSet, load_trial_data
from training.trainer import Trainer
from training.trainer.early_evaluation import evaluated_with
from training.trainer.schedules import is_evaluated
from training.trainer.validation import ValidationAttack, validate
from tuner.pareto.objectives import FloatArray
from tuner.space import Space, load_space

_RESULTS = Path(__file__).parent / "results"
STEPS = (1, 2, 5)
_END = "end"  # the attack of the end, among the early ones
# 198 steps on 1,080 images, which leave chance level. The paper's settings take hours on CPU cores.
_SMALL_MNIST: dict[str, Any] = {
    "trial.train_fraction": 0.02,
    "trial.epochs": 6,
    "trial.batch_size": 32,
    "trial.optimiser": "adam",
    "trial.learning_rate": 1e-3,
    "trial.epsilon": 0.1,
    "trial.attack_steps": 3,
    "trial.attack_step_size": 0.05,
    "trial.eval_attack_steps": 20,
    "trial.eval_attack_step_size": 0.0125,
    "trial.eval_images": 300,
    "early_stopping.grace_epochs": 2,
}


class Setting(NamedTuple):
    """A space, what is changed in it, and the epochs at which the attacks are compared."""

    space: str
    changes: Mapping[str, Any]
    epochs: tuple[int, ...]


SETTINGS = {
    "digits": Setting("digits_tradeoff", {}, (3, 6, 12)),
    "mnist": Setting("mnist_tradeoff", _SMALL_MNIST, (2, 4)),
}


def main() -> None:
    """Train every point, and print and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=tuple(SETTINGS))
    parser.add_argument("--kept", type=Path, required=True, help="file that keeps finished points")
    parser.add_argument("--points", type=int, default=24, help="how many random points of the space are trained")
    parser.add_argument("--data-root", default=None)
    arguments = parser.parse_args()
    setting = SETTINGS[arguments.name]
    root = {} if arguments.data_root is None else {"trial.data_root": arguments.data_root}
    space = load_space(setting.space, [], {**setting.changes, **root})
    configs = [space.trial_config(point) for point in points(space, arguments.points)]
    runs = _kept(configs, setting.epochs, arguments.kept)
    result = {
        "command": command("early_attack", str(arguments.kept), arguments.data_root),
        "points": len(runs),
        "epochs": space.epochs,
        "steps_at_the_end": configs[0].eval_attack_steps,
        "ranks": ranks(runs),
        "costs": costs(runs, space),
        "values": runs,
        **surroundings(("torch", "numpy", "scipy")),
    }
    write_result(_RESULTS / f"early_attack_{arguments.name}.json", result)


def _kept(configs: Sequence[TrialConfig], epochs: Sequence[int], file: Path) -> list[dict[str, Any]]:
    """Measure the points that a file does not have yet, and append each to it when it is done."""
    lines = file.read_text("utf-8").splitlines() if file.exists() else []
    runs = [json.loads(line) for line in lines[: len(configs)]]
    for config in tqdm(configs[len(runs) :], unit="point"):
        runs.append(measure(config, epochs))
        with file.open("a", encoding="utf-8") as kept:
            kept.write(json.dumps(runs[-1]) + "\n")
    return runs


def measure(config: TrialConfig, epochs: Sequence[int]) -> dict[str, Any]:
    """Train one point; return the accuracies and the seconds of each attack at some epochs, and those of the end."""
    torch.set_num_threads(1)
    config = replace(config, eval_every=config.epochs, rungs=())
    data = load_trial_data(config)
    trainer = Trainer(config, data, "cpu")
    # Each has its own copy of the network for its attack, as in a search; they take the weights of the trained one.
    others = {steps: Trainer(replace(config, eval_early_attack_steps=steps), data, "cpu") for steps in STEPS}

    def evaluate_all() -> dict[str, dict[str, float]]:
        found = {_END: _evaluated(trainer, data.validation, config, trainer.validation_attack)}
        for steps, other in others.items():
            other.load_state(trainer.state())
            early = evaluated_with(other.config, epoch=1)
            found[str(steps)] = _evaluated(other, data.validation, early, other.early_validation_attack)
        return found

    evaluate_all()  # the first attack tries the copy of the network
    seconds, found = [], {}
    while trainer.epoch < config.epochs - 1:
        seconds.append(_timed(trainer.train_epoch)[1])
        if trainer.epoch in epochs:
            found[str(trainer.epoch)] = evaluate_all()
    final = trainer.train_epoch()
    return {
        "parameters": {name: config.values[name] for name in ("alpha", "beta", "lam", "bottleneck")},
        "seconds_an_epoch": round(float(np.mean(seconds)), 5),
        "early": found,
        "final": {name: final[name] for name in ACCURACIES},
    }


def _evaluated(
    trainer: Trainer, images: ImageSet, config: TrialConfig, attack: ValidationAttack | None
) -> dict[str, float]:
    found, seconds = _timed(lambda: validate(trainer.model, images, config, attack=attack))
    return {**{name: found[name] for name in ACCURACIES}, "seconds": round(seconds, 5)}


def _timed(work: Callable[[], dict[str, float]]) -> tuple[dict[str, float], float]:
    """Return what some work returns, and the seconds of the CPU: others use this machine, too."""
    started = time.process_time()
    return work(), time.process_time() - started


def ranks(runs: Sequence[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return, by epoch and attack, the rank correlations with the final values and with the attack of the end there.

    `points_above` is how many points of PGD accuracy more the attack leaves than that of the end, on the mean.
    """
    final = _accuracies([run["final"] for run in runs])
    return {
        epoch: {
            name: {
                **spearman(values, final),
                "with_the_end_attack": round(float(rank_correlation(values[:, 1], strong[:, 1])), 3),
                "points_above": round(100 * float((values - strong)[:, 1].mean()), 2),
            }
            for name in attacks
            for values in [_accuracies([run["early"][epoch][name] for run in runs])]
        }
        for epoch, attacks in runs[0]["early"].items()
        for strong in [_accuracies([run["early"][epoch][_END] for run in runs])]
    }


def _accuracies(measured: Sequence[Mapping[str, float]]) -> FloatArray:
    return np.array([[each[name] for name in ACCURACIES] for each in measured])


def costs(runs: Sequence[dict[str, Any]], space: Space) -> dict[str, Any]:
    """Return the seconds of an epoch and of an evaluation, and what share of a trial each early attack saves.

    The trial is one that is trained to the end, or one that is stopped at the first rung, with the evaluations of the
    space or with one after every epoch.
    """
    training = float(np.mean([run["seconds_an_epoch"] for run in runs]))
    evaluation = {
        name: float(np.mean([at[name]["seconds"] for run in runs for at in run["early"].values()]))
        for name in next(iter(runs[0]["early"].values()))
    }
    config, first = space.example, space.rung_epochs[0]
    return {
        "training_seconds_an_epoch": round(training, 4),
        "evaluation_seconds": {name: round(seconds, 4) for name, seconds in evaluation.items()},
        "trained_to_the_end": _saved(training, evaluation, config, config.epochs),
        f"stopped_at_epoch_{first}": _saved(training, evaluation, config, first),
        "evaluated_after_every_epoch": _saved(training, evaluation, replace(config, eval_every=1), config.epochs),
    }


def _saved(training: float, evaluation: Mapping[str, float], config: TrialConfig, last: int) -> dict[str, Any]:
    """Return the share of evaluations in the time of a trial of `last` epochs, and the share that attacks save."""
    evaluated = [epoch for epoch in range(1, last + 1) if is_evaluated(config, epoch)]
    early = sum(epoch < config.epochs for epoch in evaluated)
    whole = last * training + len(evaluated) * evaluation[_END]
    return {
        "early_evaluations": early,
        "share_of_evaluations": round(len(evaluated) * evaluation[_END] / whole, 4),
        "saved": {
            name: round(early * (evaluation[_END] - seconds) / whole, 4)
            for name, seconds in evaluation.items()
            if name != _END
        },
    }


if __name__ == "__main__":
    main()
