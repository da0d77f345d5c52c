"""Which share of a trial's time its evaluations take, with the schedule of a space.

Run:  python -m benchmarks.evaluation_share [--spaces digits_tradeoff cifar10_tradeoff] [--steps 2] [--rounds 2]
Times, in turns, some training steps and the evaluation of one batch on random images of the space's shape. From the
medians it computes the time of an epoch, and with `eval_images` and `eval_every` the share of the evaluations. Needs
neither Ray nor MLflow. Writes benchmarks/results/evaluation_share.json with hardware, versions, date and command.
"""

import argparse
import statistics
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from benchmarks.surroundings import command, surroundings, write_result
from training.config import TrialConfig, parse_trial
from training.data import ImageSet, TrialData
from training.trainer import Trainer
from training.trainer.schedules import is_evaluated
from training.trainer.validation import validate

_LEAST_SECONDS = 5.0
_RESULT = Path(__file__).parent / "results" / "evaluation_share.json"
# Training and validation images, channels, side and classes.
_SETS = {
    "digits": (1004, 434, 1, 8, 10),
    "mnist": (54_000, 6_000, 1, 28, 10),
    "cifar10": (45_000, 5_000, 3, 32, 10),
    "cifar100": (45_000, 5_000, 3, 32, 100),
}


def main() -> None:
    """Measure each space, and write and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--spaces", nargs="+", default=["digits_tradeoff", "mnist_tradeoff", "cifar10_tradeoff"])
    parser.add_argument("--steps", type=int, default=2, help="training steps of a round; one more warms up")
    parser.add_argument("--rounds", type=int, default=2, help="rounds at least; more follow until 5 seconds are over")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    arguments = parser.parse_args()
    found = {space: measured(_config(space), arguments) for space in arguments.spaces}
    device = torch.cuda.get_device_name() if arguments.device == "cuda" else None
    result = {"figures": found, "command": command("evaluation_share")} | surroundings(["torch"], device=device)
    write_result(_RESULT, result)


def measured(config: TrialConfig, arguments: argparse.Namespace) -> dict[str, Any]:
    """Time steps and evaluations of a trial and return the share; `arguments` has `steps`, `rounds` and `device`."""
    images, validation, *_ = _SETS[config.dataset]
    evaluated = min(config.eval_images or validation, validation)
    batch = min(config.eval_batch_size, evaluated, 2 * config.batch_size)
    trainer, data = _trainer(config, arguments.steps, batch, torch.device(arguments.device))
    steps: list[float] = []
    evaluations: list[float] = []
    began = time.perf_counter()
    while len(steps) < arguments.rounds or time.perf_counter() - began < _LEAST_SECONDS:
        steps += _seconds_of_steps(trainer)
        started = time.perf_counter()
        validate(trainer.model, data.validation, trainer.config, attack=trainer.validation_attack)
        evaluations.append(time.perf_counter() - started)
    training = statistics.median(steps) * (images // config.batch_size)
    evaluations_an_epoch = _evaluations(config) / config.epochs
    evaluation = statistics.median(evaluations) * evaluated / batch * evaluations_an_epoch
    return {
        "seconds_a_step": round(statistics.median(steps), 4),
        "training_seconds_an_epoch": round(training, 2),
        "evaluation_seconds_an_epoch": round(evaluation, 2),
        "images_evaluated": evaluated,
        "evaluations": f"{_evaluations(config)} in {config.epochs} epochs",
        "share_of_the_trial": round(evaluation / (training + evaluation), 3),
    }


def _evaluations(config: TrialConfig) -> int:
    """Count the epochs after which a trial is evaluated."""
    return sum(is_evaluated(config, epoch) for epoch in range(1, config.epochs + 1))


def _config(space: str) -> TrialConfig:
    """Return the configuration of a space at its first start point, with the rungs that the search adds."""

    from training.yaml_text import read_yaml  # not needed by `benchmarks.gpu`, and not there on every machine

    file = Path(__file__).parents[1] / "search_spaces" / f"{space}.yaml"
    content = read_yaml(file)
    config = parse_trial({**content["trial"], **content["search"]["start_points"][0]})
    stopping = content["early_stopping"]
    rungs = (stopping["grace_epochs"] * stopping["reduction_factor"] ** k for k in range(config.epochs))
    return replace(config, rungs=tuple(rung for rung in rungs if rung < config.epochs))


def _trainer(config: TrialConfig, steps: int, batch: int, device: torch.device) -> tuple[Trainer, TrialData]:
    """Return a trainer with `steps` + 1 steps an epoch that itself evaluates only 8 images, and images to evaluate."""
    _, _, *shape = _SETS[config.dataset]
    train, validation = (_drawn(count, *shape) for count in ((steps + 1) * config.batch_size, batch))
    classes = tuple(str(label) for label in range(shape[-1]))
    data = TrialData(train, validation.to(device), classes, "drawn")
    few = replace(data, validation=_drawn(8, *shape))
    return Trainer(replace(config, epochs=1000, eval_images=0), few, device), data


def _seconds_of_steps(trainer: Trainer) -> list[float]:
    """Train an epoch and return the mean time of its steps without the first, which warms up."""
    ends: list[float] = []

    def on_step(step: int, steps: int) -> None:
        if trainer.device.type == "cuda" and step in {1, steps}:
            torch.cuda.synchronize()
        ends.append(time.perf_counter())

    trainer.train_epoch(on_step)
    return [(ends[-1] - ends[0]) / (len(ends) - 1)]


def _drawn(count: int, channels: int, side: int, classes: int) -> ImageSet:
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (count, channels, side, side), generator=generator, dtype=torch.uint8)
    return ImageSet(images, torch.arange(count) % classes)


if __name__ == "__main__":
    main()
