"""What the evaluation suites cost, and what three protocols say of one model with a sampled latent.

Run:  python -m benchmarks.evaluation [--images 359]
Trains training/configs/digits.yaml (8x8 digits, 20 epochs) and evaluates the model with the command and every suite.
Then evaluates it by three protocols: one draw for attack and score (naive), the latent's mean, and averages over draws.
Writes benchmarks/results/evaluation.json with hardware, versions, date and command.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from benchmarks.surroundings import command, surroundings, write_result
from training.data import ImageSet
from training.evaluation import (
    Evaluation,
    LatentMode,
    Suite,
    balanced_subset,
    build_suite,
    evaluate_robustness,
    scale_of,
)
from training.evaluation.evaluated_model import config_of_checkpoint, data_to_attack
from training.evaluation.trained_model import TrainedModel, load_model

_RESULTS = Path(__file__).parent / "results" / "evaluation.json"
_CONFIG = Path(__file__).parents[1] / "training" / "configs" / "digits.yaml"
# A wide latent, where the paper's anomaly appears: without the ramp of the symmetric KL sigma is free to grow.
_CHANGES = ("sigma_bias=0.5", "lambda=0.05")


def main() -> None:
    """Train, evaluate, print and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=359, help="of the 359 test images, balanced by class")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        changes = [word for change in _CHANGES for word in ("--set", change)]
        _command("training.run", "--config", str(_CONFIG), *changes, "--out", str(run), "--threads", "1")
        suites = {
            name: _suite(run, name, arguments.images) for name in tqdm(("quick", "paper", "standard"), unit="suite")
        }
        images = data_to_attack(config_of_checkpoint(run), None).images
        channels, height, width = images.images.shape[1:]
        trained = load_model(run, (channels, height, width))
        protocols = _protocols(trained, images.subset(balanced_subset(images.labels, arguments.images)))
    result = {
        "command": command("evaluation"),
        "model": f"training/configs/digits.yaml, {', '.join(_CHANGES)}, 20 epochs",
        "images": arguments.images,
        "suites": suites,
        "protocols": protocols,
        **surroundings(("torch", "pyautoattack", "scipy")),
    }
    write_result(_RESULTS, result)


def _suite(run: Path, name: str, images: int) -> dict[str, Any]:
    """Evaluate with the command, as a user does, and time it from start to exit."""
    out = run / name
    started = time.perf_counter()
    _command(
        "training.evaluate", str(run), "--suite", name, "--images", str(images), "--out", str(out), "--threads", "1"
    )
    record = json.loads((out / "evaluation.json").read_text(encoding="utf-8"))
    return {
        "seconds": round(time.perf_counter() - started, 1),
        "natural": record["natural_accuracy"],
        "worst_case": record["worst_case_accuracy"],
        "attacks": {key: entry["accuracy"] for key, entry in record["attacks"].items() if not entry["curve"]},
        "curve": record["curve"],
        "warnings": [warning["code"] for warning in record["warnings"]],
    }


def _protocols(trained: TrainedModel, images: ImageSet) -> dict[str, Any]:
    scale = scale_of(trained.config, trained.classes)
    found = {}
    for name in ("naive", "mean", "sampled"):
        mode = LatentMode.named(name)
        suite = build_suite("quick", scale, latent=mode, attacks=["pgd20", "pgd40", "autoattack"])
        plain = Suite(name=name, epsilon=suite.epsilon, attacks=suite.attacks)
        found[name] = _figures(evaluate_robustness(trained.model, images, plain, latent=mode))
    return found


def _figures(evaluation: Evaluation) -> dict[str, Any]:
    return {
        "natural": evaluation.natural_accuracy,
        **evaluation.accuracies(),
        "worst_case": evaluation.worst_case_accuracy,
        "warnings": [sign.message for sign in evaluation.warnings],
    }


def _command(module: str, *words: str) -> None:
    subprocess.run([sys.executable, "-m", module, *words], check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
