"""What an objective sees of images: their latents and logits, in one forward pass or in one for each batch."""

from typing import NamedTuple, Protocol

import torch
from torch import Tensor, nn

from training.compute.parallel import ALONE, Group
from training.models.bottleneck import Classifier, Gaussian, Point


class ModelOutput(NamedTuple):
    """One batch of images, the clean or the adversarial ones, as the model sees them.

    `latent` is p(z|x), `z` a draw from it or its mean, (batch, dimensions), `logits` those of z,
    (batch, classes).
    """

    latent: Gaussian | Point
    z: Tensor
    logits: Tensor


class ForwardPass(Protocol):
    """Return the view of each of several batches of images, (batch, channels, height, width) each."""

    def __call__(self, *batches: Tensor) -> list[ModelOutput]: ...


class ModelForwardPass(nn.Module):
    """Views by a model. `joint`: in one forward pass; `sampled`: with z drawn by `generator`, else the mean.

    In train mode a joint pass normalises clean and adversarial images by common batch statistics; separate
    passes, as in TRADES, by their own, and they move the running statistics once each. The images are the rows of
    one process of the `group`.
    """

    def __init__(
        self, model: Classifier, generator: torch.Generator, *, joint: bool, sampled: bool, group: Group = ALONE
    ) -> None:
        super().__init__()
        self._model = model
        self._generator = generator
        self._joint = joint
        self._sampled = sampled
        self._group = group

    def forward(self, *batches: Tensor) -> list[ModelOutput]:
        """Return the view of each batch; all of one size."""
        if not self._joint:
            return [self._view(self._model.encode(images)) for images in batches]
        return [self._view(latent) for latent in self._model.encode(torch.cat(batches)).chunk(len(batches))]

    def _view(self, latent: Gaussian | Point) -> ModelOutput:
        z = latent.sample(self._generator, self._group) if self._sampled else latent.mu
        return ModelOutput(latent, z, self._model.classify(z))
