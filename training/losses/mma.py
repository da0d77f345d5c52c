"""MMA, max-margin adversarial training: Ding et al. 2020, arXiv:1812.02637; `BorealisAI/mma_training`."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from training.attacks import TrainingAttack, soft_logit_margin
from training.losses.forward_pass import ForwardPass
from training.losses.objective import Batch, Objective

# Of the official code: the clean loss's share, and how far beyond the largest margin the search looks.
CLEAN_SHARE = 1 / 3
BEYOND = 1.05


class Mma(Objective):
    """1/3 CE(clean) + 2/3 the margin loss.

    The margin loss is CE on the decision boundary for images that are classified correctly, which pushes the
    boundary away, and CE(clean) for those that are not, summed and divided by the whole batch. Images whose
    margin is `max_margin` or more are left alone. An image's margin is remembered until its next turn, when it
    is the radius of the attack, never below `smallest_radius`; both are l-infinity distances for images in
    [0, 1].

    As in the official code "correct" means a soft logit margin below 0, stricter than the largest logit. There
    it is taken in train mode, here in eval mode, in which the search for the boundary goes on.
    """

    def __init__(self, images: int, *, max_margin: float, smallest_radius: float, device: torch.device) -> None:
        """Remember a margin for each of the `images` of the training set."""
        self._max_margin = max_margin
        self._smallest_radius = smallest_radius
        self._margins = torch.zeros(images, device=device)
        self._mean_margin = torch.zeros((), device=device)

    def terms(self, batch: Batch, attack: TrainingAttack, look: ForwardPass) -> dict[str, Tensor]:
        """Return both terms; every image passes through the search, also where its result is not used."""
        images, labels, indices = batch
        correct = soft_logit_margin(attack.logits(images), labels) < 0
        largest = BEYOND * self._max_margin
        radii = self._margins[indices].clamp_min(self._smallest_radius)
        boundary, distances = attack.at_margins(images, labels, radii, largest=largest)
        margins = distances.where(correct, 0)
        self._margins[indices] = margins
        self._mean_margin = margins.mean()
        mixed = boundary.where(correct[:, None, None, None], images)
        clean, moved = look(images, mixed)
        losses = functional.cross_entropy(moved.logits, labels, reduction="none")
        return {
            "natural_cross_entropy": functional.cross_entropy(clean.logits, labels),
            "margin": losses.where(margins < self._max_margin, 0).mean(),
        }

    def weights(self, lam: float) -> dict[str, float]:
        """Return a third and two thirds; lambda has no effect."""
        del lam
        return {"natural_cross_entropy": CLEAN_SHARE, "margin": 1 - CLEAN_SHARE}

    def diagnostics(self) -> Mapping[str, Tensor]:
        """Return the mean margin of the last batch, 0 for images that are misclassified."""
        return {"margin": self._mean_margin}

    def state_dict(self) -> dict[str, Any]:
        """Return the margin of every training image."""
        return {"margins": self._margins}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from the margins of `state`."""
        self._margins = state["margins"].to(self._margins.device, copy=True)
