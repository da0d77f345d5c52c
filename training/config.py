"""The frozen configuration of one trial, and the only place where its values are checked."""

import difflib
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from fractions import Fraction
from typing import Any, Self

DATASETS = ("digits", "mnist", "cifar10", "cifar100", "folder")
ARCHITECTURES = ("digits_cnn", "cnn4", "resnet18", "resnet50", "vgg16", "wrn34_10")
OBJECTIVES = ("shared_information",)
AUGMENTATIONS = ("none", "crop_flip")
# What a trial reports that a search may optimise.
METRICS = ("natural_accuracy", "pgd_accuracy")


class ConfigError(ValueError):
    """A configuration breaks one rule or several; `problems` holds (key, message) pairs, one a rule."""

    def __init__(self, problems: list[tuple[str, str]]) -> None:
        self.problems = problems
        # The argument itself, not the text, so that the error survives pickling between processes.
        super().__init__(problems)

    def __str__(self) -> str:
        return "; ".join(f"{key}: {message}" for key, message in self.problems)


@dataclass(frozen=True)
class _Rule:
    """How a value from a file becomes a field: `convert` raises ValueError, or `holds` must be true."""

    text: str
    convert: Callable[[Any], Any]
    holds: Callable[[Any], bool]


def _to_float(value: Any) -> float:
    """Read 0.1, "1e-3" (which YAML leaves a string) and fractions such as "8/255"."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise TypeError(value)
    number = float(Fraction(value)) if isinstance(value, str) and "/" in value else float(value)
    if not math.isfinite(number):
        raise ValueError(value)
    return number


def _to_int(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float) or value != int(value):
        raise ValueError(value)
    return int(value)


def _to_floats(value: Any) -> tuple[float, ...]:
    if isinstance(value, str | bytes):
        raise TypeError(value)
    return tuple(_to_float(item) for item in value)


def _real(default: float, text: str, holds: Callable[[float], bool]) -> Any:
    return field(default=default, metadata={"rule": _Rule(f"a number {text}", _to_float, holds)})


def _whole(default: int, minimum: int) -> Any:
    rule = _Rule(f"an integer >= {minimum}", _to_int, lambda value: value >= minimum)
    return field(default=default, metadata={"rule": rule})


def _choice(default: str, choices: tuple[str, ...]) -> Any:
    rule = _Rule(f"one of {', '.join(choices)}", str, lambda value: value in choices)
    return field(default=default, metadata={"rule": rule})


def _milestones(default: tuple[float, ...]) -> Any:
    def increasing(value: tuple[float, ...]) -> bool:
        return all(0 < v <= 1 for v in value) and list(value) == sorted(set(value))

    return field(
        default=default,
        metadata={"rule": _Rule("a list of increasing fractions in (0, 1]", _to_floats, increasing)},
    )


def _positive(default: float) -> Any:
    return _real(default, "> 0", lambda value: value > 0)


def _not_negative(default: float) -> Any:
    return _real(default, ">= 0", lambda value: value >= 0)


def _share(default: float) -> Any:
    return _real(default, "in [0, 1]", lambda value: 0 <= value <= 1)


def _share_above_zero(default: float) -> Any:
    return _real(default, "in (0, 1]", lambda value: 0 < value <= 1)


@dataclass(frozen=True, kw_only=True, slots=True)
class TrialConfig:
    """Everything that determines one trial. Defaults: Yu et al. 2023, CIFAR-10, Table 3 and section 4.3.

    Attack sizes are in units of an image scaled to [0, 1]; schedule points are fractions of `epochs`, so that
    a shorter trial runs the same schedule (the paper's epochs 10, 75, 90, 100 of 120).
    `lam` is written `lambda` in files.
    """

    # Data. `data_root` is where the files are or are downloaded to; `split_seed` fixes validation and subset.
    dataset: str = _choice("cifar10", DATASETS)
    data_root: str = field(
        default="data", metadata={"rule": _Rule("the path of a folder", str, lambda value: value != "")}
    )
    train_fraction: float = _share_above_zero(1.0)
    validation_fraction: float = _real(0.1, "in (0, 1)", lambda value: 0 < value < 1)
    split_seed: int = _whole(0, 0)
    augmentation: str = _choice("crop_flip", AUGMENTATIONS)

    # Model. sigma = softplus(s + sigma_bias) + sigma_floor; the floor bounds the symmetric KL's gradient.
    architecture: str = _choice("resnet18", ARCHITECTURES)
    bottleneck: int = _whole(256, 1)
    sigma_bias: float = _real(0.0, "", lambda _: True)
    sigma_floor: float = _real(1e-3, ">= 0.001", lambda value: value >= 1e-3)

    # Objective: eq. 16, with lambda ramped exponentially from lam_start to lam.
    objective: str = _choice("shared_information", OBJECTIVES)
    alpha: float = _share(0.5)
    beta: float = _not_negative(1e-3)
    lam: float = _positive(4.0)
    lam_start: float = _positive(1e-3)
    ramp_start: float = _share(10 / 120)
    ramp_end: float = _share_above_zero(100 / 120)
    hsic_neighbours: int = _whole(10, 1)

    # Optimiser: SGD, learning rate multiplied by lr_drop_factor at each point of lr_drops.
    epochs: int = _whole(120, 1)
    batch_size: int = _whole(128, 2)
    learning_rate: float = _positive(0.1)
    momentum: float = _real(0.9, "in [0, 1)", lambda value: 0 <= value < 1)
    weight_decay: float = _not_negative(5e-4)
    lr_drops: tuple[float, ...] = _milestones((75 / 120, 90 / 120, 100 / 120))
    lr_drop_factor: float = _share_above_zero(0.1)

    # Attacks, l-infinity: PGD inside training, and a longer PGD for the validation accuracy.
    epsilon: float = _share(0.031)
    attack_steps: int = _whole(10, 1)
    attack_step_size: float = _positive(0.007)
    eval_attack_steps: int = _whole(20, 1)
    eval_attack_step_size: float = _positive(0.003)
    # 0 = the whole validation split; otherwise its first `eval_images` images (the split is shuffled).
    eval_images: int = _whole(0, 0)
    eval_batch_size: int = _whole(500, 1)

    seed: int = _whole(0, 0)

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> Self:
        """Build from a file's keys (`lambda`, not `lam`); raise ConfigError with every fault at once."""
        problems: list[tuple[str, str]] = []
        rules = {file_key(f.name): (f.name, f.metadata["rule"]) for f in fields(cls)}
        checked: dict[str, Any] = {}
        for key, value in values.items():
            if key not in rules:
                problems.append((key, _unknown(key, list(rules))))
                continue
            name, rule = rules[key]
            try:
                converted = rule.convert(value)
                if not rule.holds(converted):
                    raise ValueError(value)  # noqa: TRY301 - one message for both ways to be wrong
            except (ValueError, TypeError, ZeroDivisionError, OverflowError):
                problems.append((key, f"the value is {value!r}, but must be {rule.text}"))
            else:
                checked[name] = converted
        if problems:
            raise ConfigError(problems)
        config = cls(**checked)
        problems = _conflicts(config)
        if problems:
            raise ConfigError(problems)
        return config

    def to_mapping(self) -> dict[str, Any]:
        """Give the file's form of this configuration: plain YAML types, `lambda` for `lam`."""
        return {
            file_key(key): list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()
        }


def file_key(name: str) -> str:
    """Give a field's key in files and in MLflow: `lambda` is a keyword of Python, hence `lam` in code."""
    return "lambda" if name == "lam" else name


def _unknown(key: str, known: list[str]) -> str:
    near = difflib.get_close_matches(key, known, n=2)
    if near:
        return f"unknown key; did you mean {' or '.join(near)}?"
    return f"unknown key; the known ones are {', '.join(known)}"


def _conflicts(config: TrialConfig) -> list[tuple[str, str]]:
    """Rules between fields, checked once each field is right by itself."""
    problems = []
    if config.ramp_start >= config.ramp_end:
        rule = f"below ramp_end = {config.ramp_end}"
        problems.append(("ramp_start", f"the value is {config.ramp_start}, but must be {rule}"))
    if config.hsic_neighbours >= config.batch_size:
        rule = f"below batch_size = {config.batch_size}: a sample has no more neighbours than that"
        problems.append(("hsic_neighbours", f"the value is {config.hsic_neighbours}, but must be {rule}"))
    return problems


TRIAL_KEYS = tuple(file_key(f.name) for f in fields(TrialConfig))
# Two trials that differ in one of these are measured with different yardsticks.
MEASUREMENT_KEYS = (
    "dataset",
    "data_root",
    "validation_fraction",
    "split_seed",
    "epochs",
    "epsilon",
    "eval_attack_steps",
    "eval_attack_step_size",
    "eval_images",
)
