"""Training of one configuration, epoch by epoch, interruptible after each; Yu et al. 2023, Algorithm 1."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from training.attacks import pgd
from training.checkpoint import CheckpointError, load_checkpoint, save_checkpoint
from training.config import ConfigError, TrialConfig
from training.data import TrialData
from training.data.augment import random_crop_flip, to_unit
from training.evaluate import evaluate
from training.losses import LossTerms, View, shared_information
from training.models import build_model
from training.numerics import repeatable_convolutions
from training.random_streams import RandomStreams
from training.schedules import lambda_at, learning_rate_at

OnStep = Callable[[int, int], None]


class Report(Protocol):
    """What `Trainer.run` tells after each epoch.

    `epoch` counts from 1. `save(folder)` writes a checkpoint from which the trial continues after this epoch.
    """

    def __call__(self, epoch: int, metrics: Mapping[str, float], save: Callable[[Path], None], /) -> None: ...


class DivergedError(ArithmeticError):
    """A loss term or a weight stopped being finite: `term` is the first that did, `epoch` counts from 1."""

    def __init__(self, term: str, epoch: int) -> None:
        self.term = term
        self.epoch = epoch
        super().__init__(term, epoch)

    def __str__(self) -> str:
        return (
            f"Training diverged in epoch {self.epoch}: {self.term} is not finite;"
            " lower learning_rate or lambda, or raise sigma_floor."
        )


class Trainer:
    """One trial. After `restore` it continues bit for bit, on one device, library and thread count."""

    def __init__(self, config: TrialConfig, data: TrialData, device: torch.device | str) -> None:
        """Build the model and move `data` to `device`; raise ConfigError if they do not suit `config`."""
        # A last partial batch is dropped: HSIC depends on the number of samples, so that its value and its
        # bias would change with that batch. Another permutation drops other samples in the next epoch.
        self.steps = len(data.train) // config.batch_size
        if self.steps == 0:
            rule = f"at most {len(data.train)}, the number of training images"
            raise ConfigError([("batch_size", f"the value is {config.batch_size}, but must be {rule}")])
        self.config = config
        self.device = torch.device(device)
        self.epoch = 0
        self.history: list[dict[str, float]] = []
        self._between_epochs = True
        self._split_digest = data.split_digest
        self._train, self._validation = data.train.to(self.device), data.validation.to(self.device)
        self._streams = RandomStreams(config.seed, self.device)
        with self._streams.active():
            self.model = build_model(config, data.num_classes, data.image_shape).to(self.device)
        self._optimiser = torch.optim.SGD(
            self.model.parameters(),
            lr=config.learning_rate,
            momentum=config.momentum,
            weight_decay=config.weight_decay,
        )

    def run(self, report: Report, on_step: OnStep | None = None) -> None:
        """Train the remaining epochs, with `report` after each and `on_step(step, steps)` after each step."""
        while self.epoch < self.config.epochs:
            metrics = self.train_epoch(on_step)
            report(self.epoch, metrics, self.save)

    def train_epoch(self, on_step: OnStep | None = None) -> dict[str, float]:
        """Train one epoch and evaluate.

        Give `natural_accuracy` and `pgd_accuracy` in [0, 1] on the validation set, the epoch's mean of each
        `loss/TERM`, `lambda` and `learning_rate` of its last step, and `seconds`, evaluation included. Raise
        DivergedError if a loss or the weights are not finite at its end.
        """
        started = time.perf_counter()
        self._between_epochs = False
        with self._streams.active(), repeatable_convolutions():
            terms = self._train_steps(on_step)
            _require_finite(terms, self.model, epoch=self.epoch + 1)
            accuracies = evaluate(self.model, self._validation, self.config)
        means = terms.double().mean(dim=0).tolist()
        metrics = {
            **accuracies,
            **{f"loss/{name}": mean for name, mean in zip(LossTerms._fields, means, strict=True)},
            "lambda": self._lambda(self.steps - 1),
            "learning_rate": self._learning_rate(self.steps - 1),
            "seconds": time.perf_counter() - started,
        }
        self.epoch += 1
        self.history.append(metrics)
        self._between_epochs = True
        return metrics

    def save(self, folder: Path) -> None:
        """Write the state between two epochs to `folder/checkpoint.pt`, whole or not at all.

        Raise ValueError if an epoch was begun and broken off: its half-trained weights continue nothing.
        """
        if not self._between_epochs:
            raise ValueError(
                f"Epoch {self.epoch + 1} was broken off, but a checkpoint must lie between epochs;"
                " restore the one before it."
            )
        state = {
            "epoch": self.epoch,
            "model": self.model.state_dict(),
            "optimiser": self._optimiser.state_dict(),
            "random": self._streams.state(),
            "history": self.history,
            "split_digest": self._split_digest,
        }
        save_checkpoint(folder, self.config, state)

    def restore(self, folder: Path) -> None:
        """Continue from what `save` wrote; raise CheckpointError if that is missing, damaged or foreign."""
        state = load_checkpoint(folder, self.config)
        if state["split_digest"] != self._split_digest:
            raise CheckpointError(
                f"The checkpoint in {folder} was trained on other images than the present data set gives;"
                " restore the data set or start again."
            )
        self._load(state)

    def _load(self, state: Mapping[str, Any]) -> None:
        self.model.load_state_dict(state["model"])
        self._optimiser.load_state_dict(state["optimiser"])
        self.epoch = state["epoch"]
        self.history = list(state["history"])
        self._between_epochs = True
        self._streams.restore(state["random"], fallback_seed=self.config.seed + 1 + self.epoch)

    def _train_steps(self, on_step: OnStep | None) -> Tensor:
        """Take one epoch's steps and give their loss terms, (steps, terms), on the CPU.

        Nothing here reads a value from the device before the end, so that an accelerator never waits.
        """
        self.model.train()
        generator = self._streams.generator
        order = torch.randperm(len(self._train), generator=generator, device=self.device)
        batches = order[: self.steps * self.config.batch_size].view(self.steps, self.config.batch_size)
        terms = []
        for step in range(self.steps):
            terms.append(self._train_step(batches[step], step))
            if on_step is not None:
                on_step(step + 1, self.steps)
        return torch.stack(terms).cpu()

    def _train_step(self, indices: Tensor, step: int) -> Tensor:
        """Update the weights on the images at `indices`, (batch,), and give the loss terms, (terms,)."""
        images, labels = self._batch(indices)
        adversarial = self._attack(images, labels)
        losses = shared_information(
            self._view(images),
            self._view(adversarial),
            labels,
            alpha=self.config.alpha,
            lam=self._lambda(step),
            beta=self.config.beta,
            neighbours=self.config.hsic_neighbours,
        )
        for group in self._optimiser.param_groups:
            group["lr"] = self._learning_rate(step)
        self._optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(losses.total)
        self._optimiser.step()
        return torch.stack(losses).detach()

    def _batch(self, indices: Tensor) -> tuple[Tensor, Tensor]:
        images, labels = to_unit(self._train.images[indices]), self._train.labels[indices]
        if self.config.augmentation == "crop_flip":
            images = random_crop_flip(images, self._streams.generator)
        return images, labels

    def _attack(self, images: Tensor, labels: Tensor) -> Tensor:
        return pgd(
            self.model,
            images,
            labels,
            epsilon=self.config.epsilon,
            step_size=self.config.attack_step_size,
            steps=self.config.attack_steps,
            generator=self._streams.generator,
        )

    def _view(self, images: Tensor) -> View:
        latent = self.model.encode(images)
        sample = latent.sample(self._streams.generator)
        return View(latent, sample, self.model.classify(sample))

    def _progress(self, step: int) -> float:
        """Give the fraction of the budget spent before `step` of the present epoch.

        One division of whole numbers: at an epoch's beginning it equals epoch / epochs to the last bit, so
        that a drop at 75/120 falls where it should.
        """
        return (self.epoch * self.steps + step) / (self.config.epochs * self.steps)

    def _lambda(self, step: int) -> float:
        return lambda_at(
            self._progress(step),
            start=self.config.lam_start,
            final=self.config.lam,
            ramp_start=self.config.ramp_start,
            ramp_end=self.config.ramp_end,
        )

    def _learning_rate(self, step: int) -> float:
        return learning_rate_at(
            self._progress(step),
            base=self.config.learning_rate,
            drops=self.config.lr_drops,
            drop_factor=self.config.lr_drop_factor,
        )


def _require_finite(terms: Tensor, model: torch.nn.Module, *, epoch: int) -> None:
    """Raise DivergedError if one of the loss terms (steps, terms), or a weight, is not finite."""
    broken = ~terms.isfinite()
    if broken.any():
        first_step = broken.any(dim=1).int().argmax()
        raise DivergedError(f"loss/{LossTerms._fields[int(broken[first_step].int().argmax())]}", epoch)
    # The last step's gradient may have spoilt the weights after its loss was computed.
    if not torch.stack([weight.isfinite().all() for weight in model.parameters()]).all():
        raise DivergedError("a weight", epoch)
