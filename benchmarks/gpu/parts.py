"""The parts of the measurement, each with its units by name."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.gpu import correctness, curves, forms, sharing, speed
from benchmarks.gpu.record import Unit


@dataclass(frozen=True)
class Setting:
    """Where a part runs: `device` is `cuda`, or `cpu` to try the benchmark itself with tiny work."""

    device: str
    data_root: str
    work_folder: Path


@dataclass(frozen=True)
class Part:
    """A part and what it answers."""

    question: str
    units: Callable[[Setting], Mapping[str, Unit]]


PARTS: Mapping[int, Part] = {
    1: Part("Are recordings and half precision right?", lambda s: correctness.units(s.device)),
    2: Part("How fast are steps of ResNet-18 at batches 128 and 512?", lambda s: speed.steps("resnet18", s.device)),
    3: Part("How fast are steps of WRN-34-10 at batch 128?", lambda s: speed.steps("wrn34_10", s.device)),
    4: Part("Which share of an epoch do evaluations take?", lambda s: speed.evaluations(s.device)),
    5: Part("What do 1, 2 and 4 trials on one GPU train together?", lambda s: sharing.trials_on_one(s.device)),
    6: Part(
        "Does bf16 reach the accuracies of fp32 in ten epochs?",
        lambda s: curves.cifar10(s.device, s.data_root, s.work_folder),
    ),
    7: Part(
        "What does the paper's setting reach on MNIST, and in which time?",
        lambda s: curves.mnist(s.device, s.data_root, s.work_folder),
    ),
    8: Part("How fast do two GPUs train one trial over NCCL?", lambda s: sharing.one_trial_on_two(s.device)),
    9: Part("What do fusion, pixels in two parts and recordings each save?", lambda s: forms.steps_in_forms(s.device)),
}
