"""The steps of one epoch: batches, losses and updates, one by one or replayed from a recording."""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from training.attacks import InnerAttack
from training.compute.parallel import Group
from training.compute.random_streams import RandomStreams
from training.config import TrialConfig
from training.data import TrialData
from training.data.augment import Augmentation, to_unit
from training.losses import Batch, ForwardPass, Objective, gradient_norms, weighted_total
from training.models import Classifier
from training.trainer.recorded_step import RecordedStep
from training.trainer.schedules import learning_rate_at, progress_at, step_scalars
from training.trainer.step_state import StepState

OnStep = Callable[[int, int], None]


class TrainingSteps:
    """What a `Trainer`, which builds all these parts, does between two evaluations.

    `epoch` counts the epochs that are trained, and `steps` are those of an epoch.
    """

    config: TrialConfig
    device: torch.device
    model: Classifier
    epoch: int
    steps: int
    _attack: InnerAttack
    _augment: Augmentation
    _data: TrialData
    _forward_pass: ForwardPass
    _group: Group
    _layout: torch.memory_format
    _objective: Objective
    _optimiser: torch.optim.Optimizer
    _recorded: RecordedStep | None
    _streams: RandomStreams

    def _train_steps(self, on_step: OnStep | None) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Train one epoch; return each loss, (steps,) on the CPU, and the gradient norms of the last step.

        No value is read from the device before the end, so that an accelerator never waits.
        """
        self.model.train()
        generator = self._streams.generator
        order = torch.randperm(len(self._data.train), generator=generator, device=self.device)
        batches = order[: self.steps * self.config.batch_size].view(self.steps, self.config.batch_size)
        scalars = None if self._recorded is None else self._scalars()
        taken = []
        norms: dict[str, Tensor] = {}
        for step in range(self.steps):
            is_last = step == self.steps - 1
            # The last step is never a replay: gradient norms need the graph of its losses.
            found = None if scalars is None or is_last else self._recorded_step(batches[step], scalars[step])
            if found is None:
                losses = self._losses(batches[step], step)
                if is_last:
                    norms = self._gradient_norms(losses)
                self._update(losses["total"], self._learning_rate(step))
                self._objective.after_step()
                found = torch.stack([loss.detach() for loss in losses.values()])
            taken.append(found)
            if on_step is not None:
                on_step(step + 1, self.steps)
        all_losses = torch.stack(taken)
        self._group.average([all_losses])
        return dict(zip(losses, all_losses.cpu().unbind(dim=1), strict=True)), norms

    def _scalars(self) -> Tensor:
        rows = step_scalars(self.config, self._objective.weights, epoch=self.epoch, steps=self.steps)
        return rows.to(self.device)

    def _recorded_step(self, indices: Tensor, scalars: Tensor) -> Tensor | None:
        """Take a step by the recording and return its losses, or return None if there can be none."""
        assert self._recorded is not None

        def keep() -> StepState:
            return StepState(self.model, self._optimiser, self._objective, self._streams.generator)

        return self._recorded(self._step_on, keep, indices, scalars, lambda: self._attack.unfit)

    def _step_on(self, indices: Tensor, scalars: Tensor) -> Tensor:
        """Take a step with the numbers of `step_scalars`, read on the device; return its losses in their order."""
        terms = self._objective.terms(self._batch(indices), self._attack.step_by_step(), self._forward_pass)
        rate, *weights = scalars.unbind()
        names = list(self._objective.weights(0.0))
        total = weighted_total(terms, dict(zip(names, weights, strict=True)))
        self._update(total, rate)
        self._objective.after_step()
        return torch.stack([loss.detach() for loss in (*terms.values(), total)])

    def _losses(self, indices: Tensor, step: int) -> dict[str, Tensor]:
        """Return the terms of the objective and `total` on this process's rows of the images at `indices`, (batch,)."""
        is_replayed = self._recorded is not None and self._recorded.fallback is None
        # The attack of the one step that is not replayed is not worth a recording.
        attack = self._attack.step_by_step() if is_replayed else self._attack
        terms = self._objective.terms(self._batch(indices), attack, self._forward_pass)
        return {**terms, "total": weighted_total(terms, self._objective.weights(self._progress(step)))}

    def _gradient_norms(self, losses: Mapping[str, Tensor]) -> dict[str, Tensor]:
        shared = [*self.model.backbone.parameters(), *self.model.bottleneck.parameters()]
        return gradient_norms(losses, shared, self._group)

    def _update(self, total: Tensor, learning_rate: float | Tensor) -> None:
        for group in self._optimiser.param_groups:
            group["lr"] = learning_rate
            if "capturable" in group:  # Adam refuses to be recorded without it, and computes the same with it
                group["capturable"] = isinstance(learning_rate, Tensor)
        self._optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(total)
        self._optimiser.step()
        self._group.average(buffer for buffer in self.model.buffers() if buffer.is_floating_point())

    def _batch(self, indices: Tensor) -> Batch:
        images = to_unit(self._data.train.images[indices])
        images = self._augment(images, self._streams.generator)
        own = self._group.own
        images = own(images).contiguous(memory_format=self._layout)
        return Batch(images, own(self._data.train.labels[indices]), own(indices))

    def _progress(self, step: int) -> float:
        return progress_at(self.config, self.epoch, step, self.steps)

    def _learning_rate(self, step: int) -> float:
        return learning_rate_at(self.config, self._progress(step))
