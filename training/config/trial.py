"""The frozen configuration of one trial: every key with its default, its rule and its source."""

from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields
from typing import Any

from training.config.fields import (
    choice,
    epoch_numbers,
    length,
    milestones,
    not_negative,
    optional_path,
    path,
    positive,
    radius,
    rates,
    real,
    share_above_zero,
    whole,
)
from training.config.name_fields import metric_names, module_names, named
from training.norms import LINF, NORMS
from training.registry import ARCHITECTURES, AUGMENTATIONS, DATASETS, OBJECTIVES, REGISTRIES, file_key

OPTIMISERS = ("sgd", "adam")
PRECISIONS = ("auto", "fp32", "tf32", "fp16", "bf16")


class ConfigError(ValueError):
    """A configuration breaks one rule or several; `problems` holds (key, message) pairs, one a rule."""

    def __init__(self, problems: list[tuple[str, str]]) -> None:
        self.problems = problems
        # The argument itself, not the text, so that the error survives pickling between processes.
        super().__init__(problems)

    def __str__(self) -> str:
        return "; ".join(f"{key}: {message}" for key, message in self.problems)


@dataclass(frozen=True, kw_only=True, slots=True)
class TrialConfig:
    """Everything that determines one trial. Defaults: Yu et al. 2023, CIFAR-10, Table 3 and section 4.3.

    Attack sizes are in units of an image scaled to [0, 1]; schedule points are fractions of `epochs`, so that
    a shorter trial runs the same schedule (the paper's epochs 10, 75, 90, 100 of 120). `parse_trial` builds it.
    """

    # Modules from outside that register names, imported before any other key is read.
    imports: tuple[str, ...] = module_names()

    # Data. `data_root` is where the files are or are downloaded to; `split_seed` fixes validation and subset.
    dataset: str = named("cifar10", DATASETS)
    data_root: str = path("data")
    # The part of the training set that is used (Table 9): of each class the same share, or the same number.
    train_fraction: float = share_above_zero(1.0)
    train_balance: str = choice("proportional", ("proportional", "equal"))
    # With the validation part as well, for the final training of what was chosen: the accuracies on that part are
    # then no measure of anything, and the test set is.
    train_on: str = choice("train", ("train", "train_and_validation"))
    validation_fraction: float = real(0.1, "in (0, 1)", lambda value: 0 < value < 1)
    split_seed: int = whole(0, 0)
    augmentation: str = named("crop_flip", AUGMENTATIONS)

    # Model. sigma = softplus(s + sigma_bias) + sigma_floor; the floor bounds the symmetric KL's gradient.
    architecture: str = named("resnet18", ARCHITECTURES)
    # bottleneck: the dimensions of the latent; 0 = none, the head on the features as they are.
    bottleneck: int = whole(256, 0)
    # A file whose weights the network starts with; empty: it starts with weights that the seed draws.
    start_weights: str = optional_path()
    sigma_bias: float = real(0.0, "", lambda _: True)
    sigma_floor: float = real(1e-3, ">= 0.001", lambda value: value >= 1e-3)

    # The loss; its own keys, such as alpha and lambda, are registered beside its class in training/losses.
    objective: str = named("shared_information", OBJECTIVES)
    # The latent that the loss classifies and whose information it measures; that which the attack sees; and
    # whether clean and adversarial images are one batch for batch norm (TRADES: two).
    loss_latent: str = choice("sample", ("sample", "mean"))
    attack_latent: str = choice("mean", ("mean", "sample"))
    forward: str = choice("separate", ("separate", "joint"))

    # Optimiser: learning rate multiplied by lr_drop_factor at each point of lr_drops, or, where they are given,
    # set to the rates of lr_after_drops. Momentum is SGD's.
    optimiser: str = choice("sgd", OPTIMISERS)
    epochs: int = whole(120, 1)
    # The epoch after which training ends, on the schedules of `epochs`; 0 = after all of them.
    stop_after: int = whole(0, 0)
    batch_size: int = whole(128, 2)
    learning_rate: float = positive(0.1)
    momentum: float = real(0.9, "in [0, 1)", lambda value: 0 <= value < 1)
    weight_decay: float = not_negative(5e-4)
    lr_drops: tuple[float, ...] = milestones((75 / 120, 90 / 120, 100 / 120))
    lr_drop_factor: float = share_above_zero(0.1)
    lr_after_drops: tuple[float, ...] = rates()

    # The epochs at which a search compares this trial with others; they are evaluated whatever eval_every is.
    rungs: tuple[int, ...] = epoch_numbers()

    # Attacks, in one norm: PGD inside training, and a longer PGD for the validation accuracy. Training attacks
    # start uniformly in the ball or, as in the code of TRADES and MART, from 0.001 * N(0, 1).
    norm: str = choice(LINF, NORMS)
    epsilon: float = radius(not_negative(0.031))
    attack_start: str = choice("uniform", ("uniform", "gaussian"))
    attack_steps: int = whole(10, 1)
    attack_step_size: float = length(positive(0.007))
    eval_attack_steps: int = whole(20, 1)
    eval_attack_step_size: float = length(positive(0.003))
    # The steps of the same attack in evaluations before the last epoch, each larger in proportion; 0 = as at the end.
    eval_early_attack_steps: int = whole(0, 0)
    # 0 = the whole validation split; otherwise its first `eval_images` images (the split is shuffled).
    eval_images: int = whole(0, 0)
    eval_batch_size: int = whole(500, 1)
    # Epochs from one evaluation to the next; the last epoch and `rungs` are evaluated anyway.
    eval_every: int = whole(1, 1)
    # The epoch whose metrics and weights stand for the trial: the last one, or the one with the best PGD accuracy on
    # half of the validation images, measured on the other half.
    select: str = choice("last", ("last", "best"))
    # What is measured beside natural and PGD accuracy and the seconds of an epoch; a space adds what it searches by.
    metrics: tuple[str, ...] = metric_names()

    # How training is computed; `training/compute/precision.py` says what each needs. Predictions are in float32 always.
    # compile: auto attacks a copy of the network that is made for it; full also compiles the passes that train; off
    # computes the network as it is, the reference.
    precision: str = choice("auto", PRECISIONS)
    compile: str = choice("auto", ("auto", "full", "off"))

    seed: int = whole(0, 0)

    # The keys of the data set, augmentation, architecture and objective that are chosen, by their name in code.
    knobs: Mapping[str, Any] = field(default_factory=dict)

    @property
    def last_epoch(self) -> int:
        """The epoch after which training ends."""
        return self.stop_after or self.epochs

    @property
    def values(self) -> dict[str, Any]:
        """The value of every key, by its name in code."""
        own = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "knobs"}
        return {**own, **self.knobs}

    def to_mapping(self) -> dict[str, Any]:
        """Return the configuration as a file has it: plain YAML types, `lambda` for `lam`."""
        return {file_key(key): list(value) if isinstance(value, tuple) else value for key, value in self.values.items()}


# Keys that change nothing a trial learns until an epoch: where the data lie, which may change between machines, the
# epochs after which it is evaluated, what is measured then, and when it ends before its schedules do.
IDLE_KEYS = frozenset({"data_root", "eval_every", "metrics", "rungs", "stop_after"})
# Two trials that differ in one of these are measured with different yardsticks, or at other epochs.
MEASUREMENT_KEYS = (
    "dataset",
    "data_root",
    "validation_fraction",
    "train_on",
    "split_seed",
    "epochs",
    "rungs",
    "norm",
    "epsilon",
    "eval_attack_steps",
    "eval_attack_step_size",
    "eval_early_attack_steps",
    "eval_images",
    "eval_every",
    "select",
)


def own_fields() -> dict[str, Field[Any]]:
    """Return the fields that every trial has, by their key in a file."""
    return {file_key(f.name): f for f in fields(TrialConfig) if f.name != "knobs"}


def trial_keys() -> tuple[str, ...]:
    """Return all keys that a trial may have: those of every trial, then the knobs of each registered name."""
    owned = [knobs for registry in REGISTRIES for _, knobs in registry.with_knobs()]
    knobs = [file_key(knob) for each in owned for knob in each]
    return tuple(dict.fromkeys([*own_fields(), *knobs]))
