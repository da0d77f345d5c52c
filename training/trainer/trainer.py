"""Training of one configuration, epoch by epoch, with a checkpoint after each; Yu et al. 2023, Algorithm 1."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import torch

from training.compute.compiled_backbone import CompiledBackbone
from training.compute.numerics import repeatable_convolutions
from training.compute.optimiser_state import load_optimiser_state
from training.compute.parallel import ALONE, Group
from training.compute.precision import arithmetic_for
from training.compute.random_streams import RandomStreams
from training.config import ATTACK_STEPS, ConfigError, TrialConfig
from training.config.conflicts import group_conflicts
from training.data import TrialData
from training.data.augment import build_augmentation, to_unit
from training.losses import build_objective
from training.metrics.costs import seconds
from training.models import build_model
from training.trainer.best_checkpoint import save_best_so_far
from training.trainer.best_weights import BestWeights
from training.trainer.checkpoint import load_checkpoint, save_checkpoint
from training.trainer.divergence import require_finite
from training.trainer.early_evaluation import evaluated_with
from training.trainer.measured import try_metrics
from training.trainer.optimiser import build_optimiser
from training.trainer.recorded_step import step_recording
from training.trainer.schedules import is_evaluated
from training.trainer.selected_epoch import require_two_halves, with_best
from training.trainer.start import require_same_start, take_start_weights
from training.trainer.step_parts import build_attack, build_forward_pass, build_validation_attack
from training.trainer.training_steps import OnStep, TrainingSteps
from training.trainer.tried_step import TRIED_IMAGES, has_tried_parts, try_step
from training.trainer.validation import ValidationAttack, validate


class Report(Protocol):
    """What `Trainer.run` calls after each epoch.

    `epoch` counts from 1. `save(folder)` writes a checkpoint from which the trial continues after this epoch.
    """

    def __call__(self, epoch: int, metrics: Mapping[str, float], save: Callable[[Path], None], /) -> None: ...


class Trainer(TrainingSteps):
    """One trial. After `restore` it continues bit for bit, on the same device, library version and thread count."""

    def __init__(self, config: TrialConfig, data: TrialData, device: torch.device | str, group: Group = ALONE) -> None:
        """Build the model and move `data` to `device`; raise ConfigError if data or `group` do not fit `config`.

        `start` says what was taken of `start_weights`, if there is such a file. Raise DataError if it cannot be read.

        Metrics from outside the project are tried on two images. Each process of a group has its own trainer. All of
        them make the same calls, except `save`.
        """
        # A last partial batch is dropped: the value and the bias of HSIC depend on the number of samples. The next
        # epoch has another permutation and drops other samples.
        self.steps = len(data.train) // config.batch_size
        if self.steps == 0:
            rule = f"at most {len(data.train)}, the number of training images"
            raise ConfigError([("batch_size", f"the value is {config.batch_size}, but must be {rule}")])
        if problems := group_conflicts(config, group.size):
            raise ConfigError(problems)
        require_two_halves(config, len(data.validation))
        self.config = config
        self._group = group
        self.epochs = config.last_epoch
        self.device = torch.device(device)
        self._arithmetic = arithmetic_for(config.precision, self.device)
        # Channels last: convolutions on a CPU and on tensor cores then need not reorder the images before and after.
        # Without tensor cores CUDA is slower with them.
        fast = config.compile != "off" and (self.device.type == "cpu" or self._arithmetic.tensor_cores)
        self._layout = torch.channels_last if fast else torch.contiguous_format
        self.epoch = 0
        self.history: list[dict[str, float]] = []
        self._best = BestWeights()
        self._between_epochs = True
        self._data = replace(data, train=data.train.to(self.device), validation=data.validation.to(self.device))
        self._streams = RandomStreams(config.seed, self.device)
        with self._streams.active():
            model = build_model(config, self._data.num_classes, self._data.image_shape)
            self.start = take_start_weights(model, config)
            self.model = model.to(self.device).to(memory_format=self._layout)
            self._objective = build_objective(
                config, self.model, len(self._data.train), self._streams.generator, self._group
            )
        try_metrics(config, self.model, self._data.validation)
        self._augment = build_augmentation(config)
        self._optimiser = build_optimiser(config, self.model)
        parts = (config, self.model, self._streams.generator, self._arithmetic, self._group)
        self._attack = build_attack(*parts)
        self._recorded = step_recording(config, self._objective, self._attack, self._streams.generator, self._group)
        # The attacks of the evaluations after the last epoch and before it; None if these are the same.
        self.validation_attack = self._validation_attack(config)
        early = evaluated_with(config, epoch=1)
        self.early_validation_attack = None if early is config else self._validation_attack(early)
        forward_pass = build_forward_pass(*parts)
        self._compiled = [part for part in forward_pass.modules() if isinstance(part, CompiledBackbone)]
        self._forward_pass = self._group.data_parallel(forward_pass)

    @property
    def chosen_arithmetic(self) -> str | None:
        """Which precision `auto` chose on this device and why, in one line; None if the configuration names one."""
        return self._arithmetic.choice

    @property
    def fallbacks(self) -> list[str]:
        """What is not computed as the configuration asks, and why; complete after the first evaluation."""
        measuring = [self.early_validation_attack, self.validation_attack]
        texts = [self._arithmetic.fallback, self._attack.fallback, *(each.fallback() for each in measuring if each)]
        texts += [] if self._recorded is None else [self._recorded.fallback]
        texts += [part.fallback for part in self._compiled]
        return [text for text in dict.fromkeys(texts) if text is not None]

    def try_outside_code(self) -> None:
        """Raise ConfigError unless an augmentation and an objective from outside work on a few training images.

        It is for a trainer that does not train: random numbers are drawn.
        """
        if not has_tried_parts(self.config):
            return
        indices = torch.arange(min(TRIED_IMAGES, len(self._data.train)), device=self.device)
        images = to_unit(self._data.train.images[indices])
        with self._streams.active(), self._arithmetic.active():
            self.model.train()
            try_step(
                self.config,
                images,
                augmented=lambda: self._augment(images.clone(), self._streams.generator),
                objective=self._objective,
                terms_of=lambda: self._objective.terms(self._batch(indices), self._attack, self._forward_pass),
                parameters=list(self.model.parameters()),
            )

    def run(self, report: Report, on_step: OnStep | None = None) -> None:
        """Train the remaining epochs. Call `report` after each epoch and `on_step(step, steps)` after each step."""
        while self.epoch < self.epochs:
            metrics = self.train_epoch(on_step)
            report(self.epoch, metrics, self.save)

    def train_epoch(self, on_step: OnStep | None = None) -> dict[str, float]:
        """Train one epoch and evaluate.

        Return these metrics. A term is given before its weighting, and `total` is the loss. A gradient norm is that of
        the weights which all terms share: all but the head's.

        - `natural_accuracy`, `pgd_accuracy`: in [0, 1], on the validation set, where `is_evaluated` says so
        - the metrics that `config.metrics` names, where the accuracies are
        - `pgd_steps`: with `eval_early_attack_steps`, the steps of the attack that measured them
        - with `select: best` these are of the best epoch until now, with `best_epoch`, `selection_accuracy` and
          `last/NAME` beside them (`training/trainer/selected_epoch.py`)
        - `loss/TERM`: the mean over the epoch; `gradient_norm/TERM`: of the last step
        - `diagnostic/NAME`: other numbers of the objective
        - `learning_rate`: of the last step, and so the knobs that the objective changes by a schedule, such as `lambda`
        - `seconds`: of the epoch, evaluation included

        Raise DivergedError if a loss or the weights are not finite at the end of the epoch, MetricError if a metric
        from outside the project is unfit.
        """
        started = time.perf_counter()
        if self.device.type == "cuda":  # the metric gpu_memory is that of an epoch
            torch.cuda.reset_peak_memory_stats(self.device)
        self._between_epochs = False
        with self._computing():
            losses, norms = self._train_steps(on_step)
            require_finite(losses, self.model, self.config, epoch=self.epoch + 1)
            validated = self._validated(self.epoch + 1)
        metrics = {
            **validated,
            **{f"loss/{name}": values.double().mean().item() for name, values in losses.items()},
            **{f"gradient_norm/{name}": norm.item() for name, norm in norms.items()},
            **{f"diagnostic/{name}": value.item() for name, value in self._objective.diagnostics().items()},
            **self._objective.scheduled(self._progress(self.steps - 1)),
            "learning_rate": self._learning_rate(self.steps - 1),
            "seconds": seconds(started),
        }
        self.epoch += 1
        self.history.append(metrics)
        self._best.update(self.history, self.model)
        self._between_epochs = True
        return metrics

    def save(self, folder: Path) -> None:
        """Write the state between two epochs to `folder/checkpoint.pt`, completely or not at all.

        Raise ValueError inside an epoch that broke off: no trial can continue from its weights.
        """
        if not self._between_epochs:
            raise ValueError(
                f"Epoch {self.epoch + 1} was broken off, but a checkpoint must lie between epochs;"
                " restore the one before it."
            )
        save_checkpoint(folder, self.config, self.state())

    def save_best(self, folder: Path) -> None:
        """Write `folder/best.pt` if no earlier epoch had as high a PGD accuracy on the validation set.

        With `select: best` it is that on the half of the images that chooses. Call it before `save`: if the process
        dies between the two calls, it trains the epoch again and writes the same file. The weights are under `state`,
        `model`. A trainer that trains on the validation set cannot know the best epoch, and writes nothing. Nor does
        one whose early epochs have another attack than the last one: their accuracies do not compare.
        """
        if self.config.train_on != "train" or self.config.eval_early_attack_steps:
            return
        weights = self.model.state_dict()
        save_best_so_far(folder, self.config, self.history, weights, self._data.class_names)

    def state(self) -> dict[str, Any]:
        """Return everything that the next epochs depend on, as `load_state` takes it."""
        return {
            "epoch": self.epoch,
            "model": self.model.state_dict(),
            "optimiser": self._optimiser.state_dict(),
            "objective": self._objective.state_dict(),
            "random": self._streams.state(),
            "history": self.history,
            "split_digest": self._data.split_digest,
            "class_names": list(self._data.class_names),
            "start_weights": None if self.start is None else self.start.digest,
            **({"best": self._best.kept} if self.config.select == "best" else {}),
        }

    def restore(self, folder: Path) -> None:
        """Continue from what `save` wrote; raise CheckpointError if it is missing, damaged or of another trial."""
        state = load_checkpoint(folder, self.config)
        require_same_start(folder, state, self._data.split_digest, self.start)
        self.load_state(state)

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Continue from the state of a trainer of the same configuration and data."""
        self.model.load_state_dict(state["model"])
        load_optimiser_state(self._optimiser, state["optimiser"])
        self._objective.load_state_dict(state["objective"])
        self.epoch = state["epoch"]
        self.history = list(state["history"])
        self._best.kept = state.get("best")
        self._between_epochs = True
        self._streams.restore(state["random"], fallback_seed=self.config.seed + 1 + self.epoch)
        if self._recorded is not None:
            self._recorded.forget()

    @property
    def selected_epoch(self) -> int:
        """The epoch whose weights stand for the trial: the last one, or with `select: best` the best one until now."""
        return self._best.epoch(self.epoch)

    def selected(self) -> AbstractContextManager[None]:
        """Put the weights of `selected_epoch` into the model for a block."""
        return self._best.given_to(self.model)

    @contextmanager
    def _computing(self) -> Iterator[None]:
        """Use the trial's random states and settings of torch for a block."""
        with self._streams.active(), repeatable_convolutions(), self._arithmetic.active():
            yield

    def _validated(self, epoch: int) -> dict[str, float]:
        if not is_evaluated(self.config, epoch):
            return {}
        config = evaluated_with(self.config, epoch)
        attack = self.validation_attack if config is self.config else self.early_validation_attack
        found = validate(self.model, self._data.validation, config, self._group, attack)
        if self.config.eval_early_attack_steps:
            found[ATTACK_STEPS] = config.eval_attack_steps
        return with_best(self.history, found) if self.config.select == "best" else found

    def _validation_attack(self, config: TrialConfig) -> ValidationAttack:
        return build_validation_attack(config, self.model, self._attack, self._arithmetic, self.device)
