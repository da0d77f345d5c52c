"""Model outputs with fixed numbers, a forward pass that returns them, and an attack that records its arguments."""

from collections.abc import Callable

import torch
from torch import Tensor

from training.losses import Batch, ForwardPass, ModelOutput
from training.models import Gaussian

LABELS = torch.arange(12) % 3
BATCH = Batch(torch.zeros(12, 1, 1, 1), LABELS, torch.arange(12))


def draw_output(seed: int, *, spread: float = 1.0) -> ModelOutput:
    """Draw 12 samples of 4 dimensions and 3 classes in float64; `spread` is the logits' deviation."""
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    latent = Gaussian(normal(12, 4).requires_grad_(), normal(12, 4).exp().requires_grad_())
    return ModelOutput(latent, normal(12, 4).requires_grad_(), (spread * normal(12, 3)).requires_grad_())


def fixed_forward_pass(*views: ModelOutput) -> ForwardPass:
    """Return a forward pass whose outputs are `views`, one for each batch, whatever the images are."""

    def forward_pass(*batches: Tensor) -> list[ModelOutput]:
        assert len(batches) == len(views)
        return list(views)

    return forward_pass


class IdleAttack:
    """Adds its strength to the images instead of an attack; `margins` are the distances that a search finds."""

    def __init__(self, logits: Tensor | None = None, margins: Tensor | None = None) -> None:
        self.losses: list[Callable[[Tensor], Tensor]] = []
        self.radii: list[Tensor] = []
        self._logits = torch.zeros(12, 3) if logits is None else logits
        self._margins = torch.zeros(12) if margins is None else margins

    def __call__(self, images: Tensor, loss: Callable[[Tensor], Tensor], *, strength: float = 1.0) -> Tensor:
        """Record the loss and return images + strength."""
        self.losses.append(loss)
        return images + strength

    def logits(self, images: Tensor) -> Tensor:
        """Return the fixed logits."""
        assert len(images) == len(self._logits)
        return self._logits

    def at_margins(self, images: Tensor, labels: Tensor, radii: Tensor, *, largest: float) -> tuple[Tensor, Tensor]:
        """Record the radii and return images + 1 and the fixed margins, at most `largest`."""
        assert len(images) == len(labels)
        self.radii.append(radii)
        return images + 1, self._margins.clamp_max(largest)
