"""Models that look more robust than they are: one linear classifier, hidden behind wrappers with the same answers.

The wrappers keep the class of every image, so the robust images are those of the linear classifier, known in closed
form.
"""

import hashlib
import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import Function
from toys import linear_net, seeded

Wrap = Callable[[nn.Module], nn.Module]


class Wrapped(nn.Module):
    """A model whose logits go through a function, `after(logits, images)`."""

    def __init__(self, model: nn.Module, after: Callable[[Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        self.model, self.after = model, after

    def forward(self, images: Tensor) -> Tensor:
        """Map images to changed logits, (batch, 4)."""
        return self.after(self.model(images), images)


def after(change: Callable[[Tensor, Tensor], Tensor]) -> Wrap:
    """Return the wrapper that changes the logits."""
    return lambda model: Wrapped(model, change)


class _Backward(Function):
    """The identity, with a gradient that is not its own: `change` of it."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, change: Callable[[Tensor], Tensor]) -> Tensor:
        ctx.change = change
        return values.clone()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return ctx.change(gradient), None


def backward(change: Callable[[Tensor], Tensor]) -> Wrap:
    """Return the wrapper that changes the gradient of the logits, not the logits."""
    return after(lambda logits, _: _Backward.apply(logits, change))


def _one_hot(logits: Tensor) -> Tensor:
    return nn.functional.one_hot(logits.argmax(dim=1), logits.shape[1]).to(logits.dtype) + 0 * logits


def _hash_noise(images: Tensor) -> Tensor:
    """Return a number from N(0, 1) for each image that its pixels determine, (batch, 1)."""
    seeds = [int(hashlib.sha256(image.detach().numpy().tobytes()).hexdigest()[:8], 16) for image in images]
    return torch.stack([torch.randn(1, generator=seeded(seed)) for seed in seeds])


class _Stateful(nn.Module):
    """Remembers the answer to the first image that it saw within 0.3 of another one, and repeats it."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model
        self.seen: list[tuple[Tensor, Tensor]] = []

    def forward(self, images: Tensor) -> Tensor:
        return torch.stack([self._one(image) for image in images])

    def _one(self, image: Tensor) -> Tensor:
        for known, remembered in self.seen:
            if (known - image).abs().max() < 0.3:
                return remembered + 0 * image.sum()
        answer: Tensor = self.model(image[None])[0]
        self.seen.append((image.detach().clone(), answer.detach()))
        return answer


class _TrainMode(nn.Module):
    """Puts itself into training mode on every call: dropout is never off."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model, self.dropout = model, nn.Dropout(0.2)

    def forward(self, images: Tensor) -> Tensor:
        self.dropout.train()
        logits: Tensor = self.model(self.dropout(images))
        return logits


class _BatchNorm(nn.Module):
    """Normalises by the mean of the batch, as batch norm in training mode."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.model(images)
        return logits - 0.5 * logits.mean(dim=0, keepdim=True)


class _Counting(nn.Module):
    """Right for some calls, then one answer for all."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model, self.calls = model, 0

    def forward(self, images: Tensor) -> Tensor:
        self.calls += 1
        logits: Tensor = self.model(images)
        return logits if self.calls <= 12 else logits.detach() * 0 + self.calls % 7 + 0 * logits


class OnPixels(nn.Module):
    """A model that sees changed pixels, with the gradient of the change itself."""

    def __init__(self, model: nn.Module, change: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.model, self.change = model, change

    def forward(self, images: Tensor) -> Tensor:
        """Map images to the logits of changed images."""
        logits: Tensor = self.model(self.change(images))
        return logits


def _off_grid(images: Tensor) -> Tensor:
    """Return which images are no multiples of 1/255, (batch, 1)."""
    return ((255 * images - (255 * images).round()).abs() > 1e-3).flatten(1).any(dim=1, keepdim=True)


# By name: what hides the linear classifier. The largest logit stays the largest.
SAME_CLASSES: dict[str, Wrap] = {
    "nothing": lambda model: model,
    "logits times 10^4": after(lambda z, _: 1e4 * z),
    "logits times 10^-6": after(lambda z, _: 1e-6 * z),
    "logits minus 50": after(lambda z, _: z - 50),
    "softmax": after(lambda z, _: z.softmax(dim=1)),
    "log-softmax": after(lambda z, _: z.log_softmax(dim=1)),
    "softmax twice": after(lambda z, _: z.softmax(dim=1).softmax(dim=1)),
    "one-hot class": after(lambda z, _: _one_hot(z)),
    "one-hot class times 10^3 plus logits": after(lambda z, _: 1e3 * _one_hot(z) + z),
    "saturating tanh of the margin": after(lambda z, _: torch.tanh(200 * (z - z.topk(2).values.mean(1, True)))),
    "gradient of zero": backward(torch.zeros_like),
    "gradient with the wrong sign": backward(torch.neg),
    "random gradient": backward(lambda g: torch.randn(g.shape, generator=seeded(0))),
    "gradient that is not finite": backward(lambda g: g * math.nan),
    "gradient of the second class alone": backward(lambda g: g * torch.tensor([0.0, 1.0, 0.0, 0.0])),
    "scale that oscillates with the image": after(lambda z, x: z * (3 * (500 * x.flatten(1).sum(1, True)).sin()).exp()),
    "scale by a hash of the image": after(lambda z, x: z * (2 * _hash_noise(x)).exp()),
    "ripple of tiny amplitude": after(lambda z, x: z + 1e-4 * (1e6 * x).sin().flatten(1)[:, :4]),
    "logits as 16-bit numbers": after(lambda z, _: z.half().float()),
    "a fifth class that never wins": after(lambda z, _: torch.cat([z, z[:, :1].detach() * 0 - 1e4], dim=1)),
    "a switch to log-softmax off the grid": after(lambda z, x: torch.where(_off_grid(x), z.log_softmax(1), z)),
}
# These answer wrongly off the grid of 8-bit images; nobody may count that as robust.
NEVER_ROBUST: dict[str, Wrap] = {
    "NaN off the grid": after(lambda z, x: torch.where(_off_grid(x), torch.full_like(z, math.nan), z)),
    "infinities off the grid": after(lambda z, x: torch.where(_off_grid(x), torch.full_like(z, math.inf), z)),
    "one constant class off the grid": after(
        lambda z, x: torch.where(_off_grid(x), torch.tensor([9.0, 0, 0, 0]).expand_as(z) + 0 * z, z)
    ),
}
# These cannot be evaluated, and the refusal says why.
REFUSED: dict[str, Wrap] = {
    "noise on the images": lambda model: OnPixels(model, lambda x: x + 0.05 * torch.randn_like(x)),
    "noise on the logits": after(lambda z, _: z + torch.randn_like(z)),
    "dropout that is never off": _TrainMode,
    "batch norm in training mode": _BatchNorm,
    "an answer that depends on the other images": after(lambda z, _: z - z.flip(0)),
    "a memory of what it saw": _Stateful,
    "another answer after some calls": _Counting,
    "weights in float64": lambda model: OnPixels(model.double(), lambda x: x.double()),
    "features in place of logits": after(lambda z, _: z[:, :, None]),
    "infinite logit of the class": after(lambda z, _: z + torch.where(_one_hot(z.detach()) > 0, math.inf, 0.0)),
    "logits that are never finite": after(lambda z, _: z * math.nan),
}


def base() -> nn.Module:
    """Return the linear classifier of four classes, on images (1, 6, 6)."""
    return linear_net(4)
