"""Evaluate with an attack of your own: signs of whole squares are flipped, without gradients (a random search).

Run, in the folder `examples`, on a checkpoint and on a finished search:
    python -m training.evaluate ../runs/trials/digits --attacks 'pgd20,own_attack:SignFlip(steps=200)'
    tuner confirm digits_tradeoff-1 --runs-dir ../runs --name flips --attacks 'own_attack:SignFlip(steps=200)'
"""

import torch
from torch import Tensor, nn
from torch.nn import functional


class SignFlip:
    """Start in a random corner of the ball. In each step flip one square of every image, and keep what raises the loss.

    It lies in the l-infinity ball, so it needs no registration. Its parameters with defaults can be given in brackets.
    """

    def __init__(self, steps: int = 100, side: int = 3) -> None:
        self.steps, self.side = steps, side

    def __call__(
        self, model: nn.Module, images: Tensor, labels: Tensor, epsilon: float, generator: torch.Generator
    ) -> Tensor:
        """Return adversarial images for `images`, (batch, channels, height, width) in [0, 1]."""
        signs = torch.empty_like(images).bernoulli_(0.5, generator=generator) * 2 - 1
        best, highest = images, _loss(model, images, labels)
        for _ in range(self.steps):
            row, column = (
                int(torch.randint(size - self.side + 1, (1,), generator=generator, device=images.device))
                for size in images.shape[2:]
            )
            flipped = signs.clone()
            flipped[:, :, row : row + self.side, column : column + self.side] *= -1
            moved = (images + epsilon * flipped).clamp(0, 1)
            loss = _loss(model, moved, labels)
            better = (loss > highest)[:, None, None, None]
            signs, best = torch.where(better, flipped, signs), torch.where(better, moved, best)
            highest = torch.maximum(loss, highest)
        return best


@torch.no_grad()
def _loss(model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
    """Return the cross-entropy of each image, (batch,)."""
    return functional.cross_entropy(model(images), labels, reduction="none")
