"""The forward pass of an objective: latents and logits of several batches, in one common pass or a pass for each."""

from typing import NamedTuple, Protocol

import torch
from torch import Tensor, nn

from training.compute.parallel import ALONE, Group
from training.models.bottleneck import Classifier, Gaussian, Point


class ModelOutput(NamedTuple):
    """The model's output for one batch of images, clean or adversarial.

    `latent` is p(z|x), `z` is a draw from it or its mean, (batch, dimensions), and `logits` are the logits of z,
    (batch, classes).
    """

    latent: Gaussian | Point
    z: Tensor
    logits: Tensor


class ForwardPass(Protocol):
    """Maps batches of images, (batch, channels, height, width) each, to the model's output for each of them."""

    def __call__(self, *batches: Tensor) -> list[ModelOutput]: ...


class ModelForwardPass(nn.Module):
    """The forward pass of a model. With `sampled` z is a draw by `generator`, otherwise the mean of the latent.

    With `joint` all batches go through the model in one pass, so that in train mode batch norm uses common statistics
    for clean and adversarial images. Separate passes, as in TRADES, use statistics of their own, and each of them
    updates the running statistics. The images are the rows of one process of the `group`.
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
        """Return the output for each batch. All batches have the same size."""
        if not self._joint:
            return [self._output_of(self._model.encode(images)) for images in batches]
        return [self._output_of(latent) for latent in self._model.encode(torch.cat(batches)).chunk(len(batches))]

    def _output_of(self, latent: Gaussian | Point) -> ModelOutput:
        z = latent.sample(self._generator, self._group) if self._sampled else latent.mu
        return ModelOutput(latent, z, self._model.classify(z))
