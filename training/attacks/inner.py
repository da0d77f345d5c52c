"""The attack inside training, the inner maximisation: PGD on the loss that the objective chooses."""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from training.attacks import l2_ball
from training.attacks.attack_losses import soft_logit_margin
from training.attacks.attacked_network import AttackedNetwork
from training.attacks.boundary_distance import boundary_distances
from training.attacks.cuda_graph import CapturedAscent
from training.attacks.pgd import ascend, frozen, gaussian_start, uniform_start
from training.compute.cuda_recorder import CudaRecorder
from training.compute.parallel import ALONE, Group
from training.compute.precision import Arithmetic
from training.models.bottleneck import Classifier
from training.norms import LINF

_FLOAT32 = Arithmetic("fp32")
# The loss that an attack maximises: a scalar function of the logits of adversarial images, (batch, classes).
LogitLoss = Callable[[Tensor], Tensor]


class TrainingAttack(Protocol):
    """The attack that an objective trains against."""

    def __call__(self, images: Tensor, loss: LogitLoss, *, strength: float = 1.0) -> Tensor:
        """Return images, detached, within `strength` times the configured radius that have a larger `loss`."""

    def logits(self, images: Tensor) -> Tensor:
        """Return the logits, (batch, classes), that the attack works on: in eval mode, without gradient."""

    def at_margins(self, images: Tensor, labels: Tensor, radii: Tensor, *, largest: float) -> tuple[Tensor, Tensor]:
        """Return images on the decision boundary and their distances, (batch,), at most `largest`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class InnerAttackSettings:
    """The settings of an `InnerAttack`. `epsilon` and `step_size` are distances in `norm` between images in [0, 1].

    `start` is `uniform` or `gaussian`. With `sampled` the attack works on a draw of the latent, otherwise on its
    mean. With `compiled` it works on a copy of the backbone with folded batch norm, and on CUDA it is replayed as one
    recorded graph; the result is the same up to rounding.
    """

    epsilon: float
    step_size: float
    steps: int
    start: str
    sampled: bool
    compiled: bool = False
    norm: str = LINF


class InnerAttack:
    """PGD in a ball on `model` in eval mode; it does not change the model's weights.

    `generator` is on the device of the images. `arithmetic` is that of the backbone. Images are the rows of one
    process of the `group`.
    """

    # `BorealisAI/mma_training`: the steps of one attack add up to 2.5 radii, and bisection takes 10 steps.
    _MARGIN_STEPS, _MARGIN_HALVINGS = 2.5, 10

    def __init__(
        self,
        model: Classifier,
        generator: torch.Generator,
        settings: InnerAttackSettings,
        *,
        arithmetic: Arithmetic = _FLOAT32,
        group: Group = ALONE,
    ) -> None:
        self._model = model
        self._settings = settings
        self._network = AttackedNetwork(model, arithmetic, compiled=settings.compiled)
        recorded = settings.compiled and generator.device.type == "cuda"
        self._recorder = CudaRecorder(generator.device) if recorded else None
        self._captured = self._captured_for(settings)
        self._generator = generator
        self._group = group

    def with_settings(self, settings: InnerAttackSettings, generator: torch.Generator) -> "InnerAttack":
        """Return another attack on the same copy of the network; its images are whole batches of this process."""
        other = copy.copy(self)
        captured = self._captured_for(settings)
        vars(other).update(_settings=settings, _generator=generator, _group=ALONE, _captured=captured)
        return other

    def step_by_step(self) -> "InnerAttack":
        """Return this attack without recordings, for steps that are recorded as a whole."""
        other = copy.copy(self)
        other._captured = None  # noqa: SLF001 - of its own class
        return other

    @property
    def recorder(self) -> CudaRecorder | None:
        """What records this attack; None without CUDA or `compiled`."""
        return self._recorder

    @property
    def unfit(self) -> str | None:
        """Why the copy of the network that `compiled` asks for is not used; known after the first attack."""
        return self._network.unfit

    def _captured_for(self, settings: InnerAttackSettings) -> CapturedAscent | None:
        # Every draw of the latent is a new one; a recording would repeat the first.
        return None if self._recorder is None or settings.sampled else CapturedAscent(self._recorder)

    @property
    def fallback(self) -> str | None:
        """Why the copy, the recording or the fusion that `compiled` asks for is not used, the first of these.

        None if all are used, or cannot be asked for. It is complete after the first attack.
        """
        unrecorded = None if self._captured is None else self._captured.fallback
        return self._network.unfit or unrecorded or self._network.unfused

    def __call__(self, images: Tensor, loss: LogitLoss, *, strength: float = 1.0) -> Tensor:
        """Return adversarial images; `images` is (batch, channels, height, width) in [0, 1].

        `strength` multiplies both radius and step size: a weaker attack has a smaller radius and as many steps.
        """
        return self._ascend(images, loss, strength * self._settings.epsilon, strength * self._settings.step_size)

    def logits(self, images: Tensor) -> Tensor:
        """Return the logits, (batch, classes), that the attack works on: in eval mode, without gradient."""
        self._network.prepare(images)
        self._network.refresh()
        return self._logits(images)

    def at_margins(self, images: Tensor, labels: Tensor, radii: Tensor, *, largest: float) -> tuple[Tensor, Tensor]:
        """Return images on the decision boundary and their distances, (batch,); arXiv:1812.02637, AN-PGD.

        PGD on the soft logit margin, in a ball of radius `radii` (batch,) > 0 around each image, finds a direction.
        Bisection between 0 and `largest` finds the distance in this direction at which the margin is 0. The distance
        is about `largest` for an image that is classified correctly all the way. `labels` is (batch,). In l2 the
        direction has the length 1, wherever in its ball the search ended.

        As in the official code, bisection sees images in [0, 1], but what is returned is not clamped: a distance that
        is larger than the radius may lead out of [0, 1].
        """
        widths = radii[:, None, None, None]
        found = self._ascend(
            images,
            lambda logits: soft_logit_margin(logits, labels).sum(),
            widths,
            self._MARGIN_STEPS / self._settings.steps * widths,
        )
        direction = (found - images) / widths if self._settings.norm == LINF else l2_ball.unit(found - images)

        def wrong_at(distances: Tensor) -> Tensor:
            moved = (images + distances[:, None, None, None] * direction).clamp(0, 1)
            return soft_logit_margin(self._logits(moved), labels) >= 0

        distances = boundary_distances(wrong_at, radii, largest=largest, halvings=self._MARGIN_HALVINGS)
        return images + distances[:, None, None, None] * direction, distances

    def _ascend(self, images: Tensor, loss: LogitLoss, epsilon: float | Tensor, step_size: float | Tensor) -> Tensor:
        self._network.prepare(images)
        if self._settings.start == "uniform":
            start = uniform_start(images, epsilon, self._generator, self._group, norm=self._settings.norm)
        else:
            start = gaussian_start(images, self._generator, self._group)

        def attacked(images: Tensor, start: Tensor, loss: LogitLoss) -> Tensor:
            self._network.refresh()  # inside `attacked`, so that it is part of a recording
            return ascend(
                self._model,
                images,
                start,
                lambda adversarial: loss(self._classify(adversarial)),
                epsilon=epsilon,
                step_size=step_size,
                steps=self._settings.steps,
                norm=self._settings.norm,
            )

        # What cannot be traced may not be the same in every call, so it is not recorded.
        if self._captured is None or self._network.unfit is not None or isinstance(epsilon, Tensor):
            return attacked(images, start, loss)
        with frozen(self._model):  # a replay ignores Python's flags, but the recording depends on them
            return self._captured((epsilon, step_size), attacked, images, start, loss)

    def _logits(self, images: Tensor) -> Tensor:
        with frozen(self._model), torch.no_grad():
            return self._classify(images)

    def _classify(self, images: Tensor) -> Tensor:
        attacked = self._network.classifier
        if not self._settings.sampled:
            return attacked.mean_logits(images)
        return attacked.classify(attacked.encode(images).sample(self._generator, self._group))
