"""Which cheap attack ranks models as AutoAttack does? Rank correlations and costs of candidates for a search's metric.

Run:  python -m benchmarks.search_metrics digits|mnist|cifar10 --keep FOLDER [--data-root DIR] [--jobs 1] [--images 300]
Trains models of several methods and strengths, and attacks the same validation images with each candidate and with
AutoAttack. Writes benchmarks/results/search_metrics_NAME.json with hardware, versions, date and command. The figures of
each model are also kept in a folder, so that an interrupted measurement goes on. MNIST is needed in --data-root, or
CIFAR-10 as images in its folders train/CLASS and test/CLASS.
"""

import argparse
import itertools
import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.stats import kendalltau, spearmanr
from tqdm import tqdm

from benchmarks.mnist_methods import SMALL, SMALL_MARGINS
from benchmarks.surroundings import command, surroundings, write_result
from training.attacks import Adversary, Scale, attacks_of, frozen
from training.attacks.finite_logits import classes_of
from training.compute.numerics import exact_float32
from training.config import TrialConfig, parse_trial
from training.config.preset_files import find_config
from training.data import load_trial_data
from training.data.augment import to_unit
from training.trainer import Trainer
from training.trainer.measured import MEASURING_SEED
from training.yaml_text import read_yaml
from tuner.space import load_space

_RESULTS = Path(__file__).parent / "results"
_MNIST_EVALUATION = {"eval_attack_steps": 20, "eval_attack_step_size": 0.01}
# ResNet-18 on all images is out of reach of CPU cores.
_SMALL_CIFAR10: dict[str, Any] = {
    "dataset": "folder",
    "architecture": "digits_cnn",
    "train_fraction": 0.3,
    "validation_fraction": 0.02,
    "epochs": 12,
    "attack_steps": 5,
    "attack_step_size": 0.012,
}
# The attacks that are timed, with their forward-backward passes for each image. {steps} is that of the space's PGD.
ATTACKS: dict[str, tuple[str, Callable[[int], int]]] = {
    "fgsm": ("fgsm", lambda _steps: 1),
    "pgd_half": ("pgd(steps={half})", lambda steps: steps // 2),
    "pgd": ("pgd(steps={steps})", lambda steps: steps),
    "margin_half": ("pgd(steps={half}, loss=margin)", lambda steps: steps // 2),
    "margin": ("pgd(steps={steps}, loss=margin)", lambda steps: steps),
    "dlr": ("pgd(steps={steps}, loss=dlr)", lambda steps: steps),
    "apgd_ce": ("apgd_ce(steps={steps})", lambda steps: steps),
    "apgd_t_5x3": ("apgd_t(steps=5, targets=3)", lambda _steps: 15),
    "apgd_t_10x3": ("apgd_t(steps=10, targets=3)", lambda _steps: 30),
}
# Images that withstand both attacks.
UNIONS = {"pgd_half + margin_half": ("pgd_half", "margin_half"), "pgd + margin": ("pgd", "margin")}
_TRUTH = "autoattack"


def main() -> None:
    """Train and attack all models of one data set, and print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=("digits", "mnist", "cifar10"))
    parser.add_argument("--keep", type=Path, required=True, help="folder of the models that are measured already")
    parser.add_argument("--data-root", default="data", help="folder of the images")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--images", type=int, default=300, help="validation images that are attacked")
    arguments = parser.parse_args()
    configs = configs_of(arguments.name, arguments.data_root)
    folder = arguments.keep / arguments.name
    folder.mkdir(parents=True, exist_ok=True)
    jobs = [(config, arguments.images, folder / f"{number:03d}.json") for number, config in enumerate(configs)]
    with ProcessPoolExecutor(arguments.jobs, mp_context=get_context("spawn")) as pool:
        models = list(tqdm(pool.map(_kept, *zip(*jobs, strict=True)), total=len(jobs), unit="model"))
    result = {
        "command": command("search_metrics", str(arguments.keep), arguments.data_root),
        "images": arguments.images,
        "steps": configs[0].eval_attack_steps,
        "candidates": table(models, configs[0].eval_attack_steps),
        "models": models,
        **surroundings(("torch", "pyautoattack", "scipy")),
    }
    write_result(_RESULTS / f"search_metrics_{arguments.name}.json", result)


def configs_of(name: str, data_root: str) -> list[TrialConfig]:
    """Return the configurations of the models of one data set."""
    if name == "digits":
        return digits_configs()
    return mnist_configs(data_root) if name == "mnist" else cifar10_configs(data_root)


def digits_configs() -> list[TrialConfig]:
    """Return 36 configurations of the space `digits_methods`: four methods, each with weak and strong settings."""
    space = load_space("digits_methods")
    sizes = (16, 128)
    points = [
        *({"objective": "shared_information", "bottleneck": 128, "beta": 0.001, "alpha": alpha, "si_lambda": weight}
          for alpha, weight in itertools.product((0.0, 0.5, 1.0), (0.3, 1.0, 3.0, 9.0))),
        *({"objective": "trades", "bottleneck": size, "trades_lambda": weight}
          for size, weight in itertools.product(sizes, (1.0, 3.0, 6.0, 12.0))),
        *({"objective": "mart", "bottleneck": size, "mart_lambda": weight}
          for size, weight in itertools.product(sizes, (1.0, 3.0, 6.0, 12.0))),
        *({"objective": "mma", "bottleneck": size, "max_margin": margin}
          for size, margin in itertools.product(sizes, (0.12, 0.2, 0.28, 0.36))),
    ]  # fmt: skip
    return [space.trial_config(point) for point in points]


def mnist_configs(data_root: str) -> list[TrialConfig]:
    """Return 12 configurations of the paper's methods on MNIST, with the small budget of `benchmarks.mnist_methods`."""
    chosen: list[tuple[str, dict[str, Any]]] = [
        ("standard", {}),
        *(("trades", {"lambda": weight}) for weight in (1.0, 3.0, 6.0)),
        *(("mart", {"lambda": weight}) for weight in (1.0, 5.0)),
        *(("mma", {**SMALL_MARGINS, "max_margin": margin}) for margin in (0.1, 0.15)),
        *(("shared_information", {"lambda": weight, "alpha": alpha})
          for weight, alpha in ((1.0, 0.5), (4.0, 0.5), (4.0, 0.0), (10.0, 1.0))),
    ]  # fmt: skip
    return _preset_configs("mnist", chosen, {**SMALL, "data_root": data_root, **_MNIST_EVALUATION})


def cifar10_configs(data_root: str) -> list[TrialConfig]:
    """Return 15 configurations of the paper's methods on CIFAR-10, with a small network and a part of the images."""
    rates = {"learning_rate": 0.1, "lr_drops": [0.6, 0.85]}
    chosen: list[tuple[str, dict[str, Any]]] = [
        ("standard", rates),
        *(("trades", {**rates, "lambda": weight}) for weight in (1.0, 3.0, 6.0)),
        *(("mart", {**rates, "lambda": weight}) for weight in (1.0, 3.0, 6.0)),
        *(("mma", {**rates, "lr_after_drops": [0.01, 0.001], "max_margin": f"{margin}/255"}) for margin in (4, 8, 12)),
        *(("shared_information", {**rates, "lambda": weight, "alpha": alpha})
          for weight, alpha in ((1.0, 0.5), (4.0, 0.5), (4.0, 0.0), (10.0, 1.0), (30.0, 0.5))),
    ]  # fmt: skip
    return _preset_configs("cifar10", chosen, {**_SMALL_CIFAR10, "data_root": data_root})


def _preset_configs(prefix: str, chosen: list[tuple[str, dict[str, Any]]], common: dict[str, Any]) -> list[TrialConfig]:
    """Return the configuration of each method's preset, with what all have in common and with its own changes."""
    found = []
    for method, changes in chosen:
        preset = read_yaml(find_config(f"{prefix}_{method}"))
        # The radius of MMA's attack is each image's margin, so it has no step size.
        shared = {key: value for key, value in common.items() if key != "attack_step_size" or key in preset}
        found.append(parse_trial({**preset, **shared, **changes}))
    return found


def _kept(config: TrialConfig, images: int, place: Path) -> dict[str, Any]:
    if not place.exists():
        unfinished = place.with_suffix(".part")
        unfinished.write_text(json.dumps(measure(config, images)), encoding="utf-8")
        unfinished.replace(place)
    found: dict[str, Any] = json.loads(place.read_text(encoding="utf-8"))
    return found


def measure(config: TrialConfig, count: int) -> dict[str, Any]:
    """Train one model, and return its accuracies under each attack and the seconds of each."""
    torch.set_num_threads(1)
    data = load_trial_data(config)
    trainer = Trainer(config, data, "cpu")
    trainer.run(lambda _epoch, _metrics, _save: None)
    images, labels = to_unit(data.validation.images[:count]), data.validation.labels[:count]
    model = trainer.model
    with exact_float32(), frozen(model):
        with torch.no_grad():
            correct = classes_of(model(images)) == labels
        robust, seconds = {}, {}
        for name, attack in _attacks(config, len(data.class_names)).items():
            started = time.perf_counter()
            found = attack(model, images, labels, seed=MEASURING_SEED)
            with torch.no_grad():
                robust[name] = correct & (classes_of(model(found)) == labels)
            seconds[name] = time.perf_counter() - started
    for name, members in UNIONS.items():
        robust[name] = robust[members[0]] & robust[members[1]]
        seconds[name] = sum(seconds[member] for member in members)
    return {
        "objective": config.objective,
        "natural_accuracy": float(correct.double().mean()),
        "accuracy": {name: float(found.double().mean()) for name, found in robust.items()},
        "seconds": {name: round(value, 4) for name, value in seconds.items()},
    }


def _attacks(config: TrialConfig, classes: int) -> dict[str, Adversary]:
    """Return the candidates and AutoAttack by name. Half the steps are twice as large."""
    steps, half = config.eval_attack_steps, config.eval_attack_steps // 2
    found = {}
    for name, text in [*((name, text) for name, (text, _) in ATTACKS.items()), (_TRUTH, _TRUTH)]:
        step_size = config.eval_attack_step_size * (2 if "{half}" in text else 1)
        scale = Scale(epsilon=config.epsilon, step_size=step_size, rate=0.01, classes=classes)
        (found[name],) = attacks_of(text.format(steps=steps, half=half), scale)
    return found


def table(models: list[dict[str, Any]], steps: int) -> list[dict[str, Any]]:
    """Return a row for each candidate: its cost, how far it lies above AutoAttack, and how well it ranks the models."""
    truth = np.array([model["accuracy"][_TRUTH] for model in models])
    better = truth >= np.median(truth)
    objectives = dict.fromkeys(model["objective"] for model in models)
    return [
        {
            "candidate": name,
            "passes": passes,
            "seconds_to_pgd": round(float(np.median(_seconds(models, name) / _seconds(models, "pgd"))), 3),
            "points_above_autoattack": round(100 * float((found - truth).mean()), 2),
            "most_points_above": round(100 * float((found - truth).max()), 2),
            "spearman": round(float(spearmanr(found, truth).statistic), 4),
            "kendall": round(float(kendalltau(found, truth).statistic), 4),
            "spearman_of_better_half": round(float(spearmanr(found[better], truth[better]).statistic), 4),
            "kendall_within": {objective: _within(models, objective, found, truth) for objective in objectives},
        }
        for name, passes in _passes(steps)
        for found in [np.array([model["accuracy"][name] for model in models])]
    ]


def _within(models: list[dict[str, Any]], objective: str, found: np.ndarray, truth: np.ndarray) -> float | None:
    """Return Kendall's tau among the models of one objective; None for fewer than four."""
    own = np.array([model["objective"] == objective for model in models])
    return round(float(kendalltau(found[own], truth[own]).statistic), 4) if own.sum() >= 4 else None


def _seconds(models: list[dict[str, Any]], name: str) -> np.ndarray:
    return np.array([model["seconds"][name] for model in models])


def _passes(steps: int) -> Iterator[tuple[str, int]]:
    alone = {name: count(steps) for name, (_, count) in ATTACKS.items()}
    yield from alone.items()
    yield from ((name, sum(alone[member] for member in members)) for name, members in UNIONS.items())


if __name__ == "__main__":
    main()
