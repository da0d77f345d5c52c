"""The frozen configuration of one trial: every key with its default, its rule and its source."""

from dataclasses import asdict, dataclass, fields
from typing import Any

from training.config.fields import (
    choice,
    choices_of,
    epoch_numbers,
    folder,
    milestones,
    not_negative,
    positive,
    rates,
    real,
    share,
    share_above_zero,
    strengths,
    whole,
)

DATASETS = (
    "digits",
    "mnist",
    "cifar10",
    "cifar100",
    "folder",
)
ARCHITECTURES = (
    "digits_cnn",
    "cnn4",
    "resnet18",
    "resnet50",
    "vgg16",
    "wrn34_10",
)
OBJECTIVES = (
    "shared_information",
    "standard",
    "trades",
    "mart",
    "mma",
    "mma_simplified",
    "natural",
)
ESTIMATORS = ("hsic", "mine", "mige")
OPTIMISERS = ("sgd", "adam")
# The terms of `shared_information`, in the order of their computation.
TERMS = ("natural_cross_entropy", "adversarial_cross_entropy", "symmetric_kl", "information")
HSIC_NORMALISATIONS = ("biased", "unnormalised", "cka", "cca", "unbiased")
AUGMENTATIONS = ("none", "crop_flip")
PRECISIONS = ("fp32", "tf32", "bf16")


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
    a shorter trial runs the same schedule (the paper's epochs 10, 75, 90, 100 of 120).
    `lam` is written `lambda` in files.
    """

    # Data. `data_root` is where the files are or are downloaded to; `split_seed` fixes validation and subset.
    dataset: str = choice("cifar10", DATASETS)
    data_root: str = folder("data")
    # The part of the training set that is used (Table 9): of each class the same share, or the same number.
    train_fraction: float = share_above_zero(1.0)
    train_balance: str = choice("proportional", ("proportional", "equal"))
    # With the validation part as well, for the final training of what was chosen: the accuracies on that part are
    # then no measure of anything, and the test set is.
    train_on: str = choice("train", ("train", "train_and_validation"))
    validation_fraction: float = real(0.1, "in (0, 1)", lambda value: 0 < value < 1)
    split_seed: int = whole(0, 0)
    augmentation: str = choice("crop_flip", AUGMENTATIONS)

    # Model. sigma = softplus(s + sigma_bias) + sigma_floor; the floor bounds the symmetric KL's gradient.
    architecture: str = choice("resnet18", ARCHITECTURES)
    # bottleneck: the dimensions of the latent; 0 = none, the head on the features as they are.
    bottleneck: int = whole(256, 0)
    sigma_bias: float = real(0.0, "", lambda _: True)
    sigma_floor: float = real(1e-3, ">= 0.001", lambda value: value >= 1e-3)

    # Objective: eq. 16, with lambda ramped exponentially from lam_start to lam. For trades and mart lambda is
    # the weight of their divergence, from the first step on: their schedules know no ramp.
    objective: str = choice("shared_information", OBJECTIVES)
    alpha: float = share(0.5)
    beta: float = not_negative(1e-3)
    lam: float = positive(4.0)
    lam_start: float = positive(1e-3)
    ramp_start: float = share(10 / 120)
    ramp_end: float = share_above_zero(100 / 120)
    # Of shared_information alone: its terms (Table 10), whether symmetric KL and information act on p(z|x) or
    # on p(y|x) (Table 14), and the readings of HSIC that `training/losses/information/hsic.py` explains.
    terms: tuple[str, ...] = choices_of(TERMS)
    regularise: str = choice("latent", ("latent", "output"))
    # The estimator of the information (Table 13), and the views that share it: the clean image, 0, and
    # adversarial ones by their strength, in epsilons. The paper has two views; section 5 proposes more.
    information_estimator: str = choice("hsic", ESTIMATORS)
    views: tuple[float, ...] = strengths((0.0, 1.0))
    hsic_neighbours: int = whole(10, 1)
    hsic_normalisation: str = choice("biased", HSIC_NORMALISATIONS)
    hsic_width: str = choice("nearest", ("nearest", "first_columns"))
    # The latent that the loss classifies and whose information it measures; that which the attack sees; and
    # whether clean and adversarial images are one batch for batch norm (TRADES: two).
    loss_latent: str = choice("sample", ("sample", "mean"))
    attack_latent: str = choice("mean", ("mean", "sample"))
    forward: str = choice("separate", ("separate", "joint"))
    # Of mma alone, in place of epsilon and attack_step_size: the l-infinity margin from which on an image is left
    # alone, and the radius in which the first search for it looks.
    max_margin: float = share_above_zero(12 / 255)
    smallest_margin: float = share_above_zero(0.005)

    # Optimiser: learning rate multiplied by lr_drop_factor at each point of lr_drops, or, where they are given,
    # set to the rates of lr_after_drops. Momentum is SGD's.
    optimiser: str = choice("sgd", OPTIMISERS)
    epochs: int = whole(120, 1)
    batch_size: int = whole(128, 2)
    learning_rate: float = positive(0.1)
    momentum: float = real(0.9, "in [0, 1)", lambda value: 0 <= value < 1)
    weight_decay: float = not_negative(5e-4)
    lr_drops: tuple[float, ...] = milestones((75 / 120, 90 / 120, 100 / 120))
    lr_drop_factor: float = share_above_zero(0.1)
    lr_after_drops: tuple[float, ...] = rates()

    # The epochs at which a search compares this trial with others; they are evaluated whatever eval_every is.
    rungs: tuple[int, ...] = epoch_numbers()

    # Attacks, l-infinity: PGD inside training, and a longer PGD for the validation accuracy. Training attacks
    # start uniformly in the ball or, as in the code of TRADES and MART, from 0.001 * N(0, 1).
    epsilon: float = share(0.031)
    attack_start: str = choice("uniform", ("uniform", "gaussian"))
    attack_steps: int = whole(10, 1)
    attack_step_size: float = positive(0.007)
    eval_attack_steps: int = whole(20, 1)
    eval_attack_step_size: float = positive(0.003)
    # 0 = the whole validation split; otherwise its first `eval_images` images (the split is shuffled).
    eval_images: int = whole(0, 0)
    eval_batch_size: int = whole(500, 1)
    # Epochs from one evaluation to the next; the last epoch and `rungs` are evaluated anyway.
    eval_every: int = whole(1, 1)

    # How training is computed; `training/compute/precision.py` says what each needs. Evaluation is in float32 always.
    # compile: auto attacks a copy of the network that is made for it; off, the network as it is, the reference.
    precision: str = choice("tf32", PRECISIONS)
    compile: str = choice("auto", ("auto", "off"))

    seed: int = whole(0, 0)

    def to_mapping(self) -> dict[str, Any]:
        """Return the configuration as a file has it: plain YAML types, `lambda` for `lam`."""
        return {
            file_key(key): list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()
        }


def file_key(name: str) -> str:
    """Return the key of a field in files and in MLflow: `lambda` is a keyword of Python, so the code has `lam`."""
    return "lambda" if name == "lam" else name


# Keys that change nothing a trial learns: where the data lie, which may change between machines, and the epochs after
# which it is evaluated.
IDLE_KEYS = frozenset({"data_root", "eval_every", "rungs"})
TRIAL_KEYS = tuple(file_key(f.name) for f in fields(TrialConfig))
# Two trials that differ in one of these are measured with different yardsticks, or at other epochs.
MEASUREMENT_KEYS = (
    "dataset",
    "data_root",
    "validation_fraction",
    "split_seed",
    "epochs",
    "rungs",
    "epsilon",
    "eval_attack_steps",
    "eval_attack_step_size",
    "eval_images",
    "eval_every",
)
