"""The attack inside training: PGD as one configuration sets it, on the loss that an objective chooses."""

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

from training.attacks.attack_losses import soft_logit_margin
from training.attacks.cuda_graph import CapturedAscent, CudaRecorder
from training.attacks.folding import FoldedBackbone
from training.attacks.margin_bisection import margins_along
from training.attacks.pgd import ascend, frozen, gaussian_start, uniform_start
from training.compute.parallel import ALONE, Group
from training.compute.precision import Arithmetic
from training.models.bottleneck import Classifier

_FLOAT32 = Arithmetic("fp32")
# What an attack maximises: a scalar of the adversarial images' logits, (batch, classes).
LogitLoss = Callable[[Tensor], Tensor]


class Attack(Protocol):
    """What an objective asks of the attack that it trains against."""

    def __call__(self, images: Tensor, loss: LogitLoss, *, strength: float = 1.0) -> Tensor:
        """Give images within `strength` times the configured radius that raise `loss`, detached."""

    def logits(self, images: Tensor) -> Tensor:
        """Give logits, (batch, classes), as the attack sees them: in eval mode, without gradient."""

    def at_margins(self, images: Tensor, labels: Tensor, radii: Tensor, *, largest: float) -> tuple[Tensor, Tensor]:
        """Give images on the decision boundary, and their distances, (batch,), at most `largest`."""


class InnerAttack:
    """PGD in the l-infinity ball of radius `epsilon` on `model`, in eval mode and with its weights left alone.

    `start` is `uniform` or `gaussian`; `sampled`: the attack sees a draw of the latent, not its mean.
    `generator` is on the images' device. `compiled`: it attacks a copy of the backbone that is made for it, and on
    CUDA as one recorded graph; the same up to rounding. `arithmetic` is that of the backbone. Images are the rows of
    one process of the `group`.
    """

    # `BorealisAI/mma_training`: the steps of one attack add up to 2.5 radii, and bisection takes 10 steps.
    _MARGIN_STEPS, _MARGIN_HALVINGS = 2.5, 10

    def __init__(
        self,
        model: Classifier,
        generator: torch.Generator,
        *,
        epsilon: float,
        step_size: float,
        steps: int,
        start: str,
        sampled: bool,
        compiled: bool = False,
        arithmetic: Arithmetic = _FLOAT32,
        group: Group = ALONE,
    ) -> None:
        self._model = model
        dtype = torch.bfloat16 if arithmetic.precision == "bf16" else None
        self._folded = FoldedBackbone(model.backbone, dtype) if compiled else None
        backbone = arithmetic.backbone(self._folded or model.backbone)
        self._attacked = Classifier(backbone, model.bottleneck, model.head)
        # A draw of the latent is another each time, which a recording would not be.
        recorded = compiled and generator.device.type == "cuda" and not sampled
        self._captured = CapturedAscent(CudaRecorder(generator.device)) if recorded else None
        self._generator = generator
        self._group = group
        self._epsilon = epsilon
        self._step_size = step_size
        self._steps = steps
        self._uniform = start == "uniform"
        self._sampled = sampled

    @property
    def fallback(self) -> str | None:
        """Why the attack is not replayed as a CUDA graph although it could have been; None if it is, or no GPU."""
        return None if self._captured is None else self._captured.fallback

    def __call__(self, images: Tensor, loss: LogitLoss, *, strength: float = 1.0) -> Tensor:
        """Give adversarial images, as `images` (batch, channels, height, width) in [0, 1].

        Radius and step size are both multiplied by `strength`: a weaker attack is a smaller one, not one that
        takes fewer steps.
        """
        return self._ascend(images, loss, strength * self._epsilon, strength * self._step_size)

    def logits(self, images: Tensor) -> Tensor:
        """Give logits, (batch, classes), as the attack sees them: in eval mode, without gradient."""
        self._refresh()
        return self._logits(images)

    def at_margins(self, images: Tensor, labels: Tensor, radii: Tensor, *, largest: float) -> tuple[Tensor, Tensor]:
        """Give images on the decision boundary, and their distances, (batch,); arXiv:1812.02637, AN-PGD.

        PGD on the soft logit margin in a ball of each image's own radius, `radii` (batch,) > 0, finds a
        direction; bisection between 0 and `largest` finds how far to go in it until the margin is 0. An image
        that stays right all the way gets about `largest`. `labels` is (batch,).
        """
        widths = radii[:, None, None, None]
        found = self._ascend(
            images,
            lambda logits: soft_logit_margin(logits, labels).sum(),
            widths,
            self._MARGIN_STEPS / self._steps * widths,
        )
        direction = (found - images) / widths

        def wrong_at(distances: Tensor) -> Tensor:
            moved = (images + distances[:, None, None, None] * direction).clamp(0, 1)
            return soft_logit_margin(self._logits(moved), labels) >= 0

        distances = margins_along(wrong_at, radii, largest=largest, halvings=self._MARGIN_HALVINGS)
        return (images + distances[:, None, None, None] * direction).clamp(0, 1), distances

    def _ascend(self, images: Tensor, loss: LogitLoss, epsilon: float | Tensor, step_size: float | Tensor) -> Tensor:
        if self._uniform:
            start = uniform_start(images, epsilon, self._generator, self._group)
        else:
            start = gaussian_start(images, self._generator, self._group)

        def attacked(images: Tensor, start: Tensor, loss: LogitLoss) -> Tensor:
            self._refresh()  # in here it is part of a recording
            return ascend(
                self._model,
                images,
                start,
                lambda adversarial: loss(self._classify(adversarial)),
                epsilon=epsilon,
                step_size=step_size,
                steps=self._steps,
            )

        if self._captured is None or isinstance(epsilon, Tensor):
            return attacked(images, start, loss)
        with frozen(self._model):  # a replay is none of Python's business, but its recording is
            return self._captured((epsilon, step_size), attacked, images, start, loss)

    def _refresh(self) -> None:
        """Attack the weights as they are now; nothing of an earlier step stays."""
        if self._folded is not None:
            self._folded.refresh()

    def _logits(self, images: Tensor) -> Tensor:
        with frozen(self._model), torch.no_grad():
            return self._classify(images)

    def _classify(self, images: Tensor) -> Tensor:
        if not self._sampled:
            return self._attacked.mean_logits(images)
        return self._attacked.classify(self._attacked.encode(images).sample(self._generator, self._group))
