"""A training step of the project on tensors without values, whose kernels are counted."""

from collections.abc import Callable
from typing import Any
from unittest import mock

import torch
from torch import Tensor

from benchmarks.gpu.kernel_counter import Kernel, KernelCounter
from benchmarks.gpu.without_values import without_values
from benchmarks.trainer_speed.work import Work
from training.trainer import Trainer

ATTACK, PASSES = "attack", "training passes and update"


def counted_step(work: Work, *, fused: bool) -> dict[str, list[Kernel]]:
    """Return the kernels of the attack of a step and of the rest of it; only the second step is counted."""
    # Training data with values, to be indexed by fake positions.
    data = work.data(2)
    with without_values(), mock.patch("training.compute.precision._cpu_multiplies_bfloat16", return_value=True):
        trainer = Trainer(work.config, data, "cpu")
        if work.config.compile != "off":
            trainer._attack._network.fold(fused=fused)  # noqa: SLF001 - trying the copy on images needs values
        counter = KernelCounter()
        batches = torch.arange(2 * work.config.batch_size).view(2, -1)
        with trainer._computing():  # noqa: SLF001 - the settings of a training
            trainer.model.train()
            _step(trainer, batches[0], lambda _: None)  # the optimiser makes its state
            with counter:
                _step(trainer, batches[1], lambda phase: setattr(counter, "phase", phase))
    return counter.found


def _step(trainer: Trainer, indices: Tensor, enter: Callable[[str], None]) -> None:
    attack = trainer._attack  # noqa: SLF001

    class Noted:
        def __call__(self, *arguments: Any, **options: Any) -> Tensor:
            enter(ATTACK)
            found: Tensor = attack(*arguments, **options)
            enter(PASSES)
            return found

    enter(PASSES)
    with mock.patch.object(trainer, "_attack", Noted()):
        losses = trainer._losses(indices, 0)  # noqa: SLF001
    trainer._update(losses["total"], 0.1)  # noqa: SLF001
    torch.stack([loss.detach() for loss in losses.values()])
