"""MMA, max-margin adversarial training: Ding et al. 2020, arXiv:1812.02637; `BorealisAI/mma_training`."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from training.attacks import TrainingAttack, soft_logit_margin
from training.config.fields import positive, radius, sourced
from training.losses.forward_pass import ForwardPass
from training.losses.objective import Batch, Objective
from training.registry import OBJECTIVES
from training.registry_entry import Problems

# From the official code: the weight of the clean loss, and how far the search goes, in units of the largest margin.
CLEAN_SHARE = 1 / 3
SEARCH_LIMIT = 1.05


def _conflicts(values: Mapping[str, Any]) -> Problems:
    smallest, largest = values["smallest_margin"], values["max_margin"]
    if smallest <= largest:
        return []
    rule = f"at most max_margin = {largest:g}"
    return [("smallest_margin", f"the value is {smallest:g}, but must be {rule}")]


@OBJECTIVES.register(
    "mma",
    conflicts=_conflicts,
    # The margin, in the norm of the trial, from which on an image is left alone, in place of epsilon.
    max_margin=sourced(radius(positive(12 / 255)), "Yu et al. 2023, Table 3"),
    # The radius in which the first search for the margin looks.
    smallest_margin=sourced(radius(positive(0.005)), "Ding et al. 2020, official code"),
)
class Mma(Objective):
    """1/3 CE(clean) + 2/3 of the margin loss.

    For an image that is classified correctly the margin loss is CE on the decision boundary, which pushes the boundary
    away; for the others it is CE(clean). The sum is divided by the size of the whole batch. Images with a margin of
    `max_margin` or more do not count. The margin of an image is remembered until it is drawn again, and is then the
    radius of its attack, but at least `smallest_margin`. Both are distances in the norm of the trial, for
    images in [0, 1].

    As in the official code, "correct" means a soft logit margin below 0, which is stricter than the largest logit, and
    the images on the boundary are not clamped to [0, 1]. The official code computes the margin in train mode; here it
    is computed in eval mode, like the search for the boundary.
    """

    one_process = "each image's margin is known to one process alone"

    def __init__(
        self, *, training_images: int, max_margin: float, smallest_margin: float, device: torch.device
    ) -> None:
        """Reserve a margin for each image of the training set; `training_images` is their number."""
        self._max_margin = max_margin
        self._smallest_margin = smallest_margin
        self._margins = torch.zeros(training_images, device=device)
        self._mean_margin = torch.zeros((), device=device)

    def terms(self, batch: Batch, attack: TrainingAttack, forward_pass: ForwardPass) -> dict[str, Tensor]:
        """Return both terms. The search runs on every image, also on those whose result is not used."""
        images, labels, indices = batch
        correct = soft_logit_margin(attack.logits(images), labels) < 0
        largest = SEARCH_LIMIT * self._max_margin
        radii = self._margins[indices].clamp_min(self._smallest_margin)
        boundary, distances = attack.at_margins(images, labels, radii, largest=largest)
        margins = distances.where(correct, 0)
        self._margins[indices] = margins
        self._mean_margin = margins.mean()
        mixed = boundary.where(correct[:, None, None, None], images)
        clean, moved = forward_pass(images, mixed)
        losses = functional.cross_entropy(moved.logits, labels, reduction="none")
        return {
            "natural_cross_entropy": functional.cross_entropy(clean.logits, labels),
            "margin": losses.where(margins < self._max_margin, 0).mean(),
        }

    def weights(self, progress: float) -> dict[str, float]:
        """Return 1/3 and 2/3, whatever the progress."""
        del progress
        return {"natural_cross_entropy": CLEAN_SHARE, "margin": 1 - CLEAN_SHARE}

    def diagnostics(self) -> Mapping[str, Tensor]:
        """Return the mean margin of the last batch, in which misclassified images count as 0."""
        return {"margin": self._mean_margin}

    def state_dict(self) -> dict[str, Any]:
        """Return the margin of every training image."""
        return {"margins": self._margins}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from the margins of `state`."""
        self._margins = state["margins"].to(self._margins.device, copy=True)
