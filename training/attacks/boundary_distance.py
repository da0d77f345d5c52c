"""The distance from an image to the decision boundary in a given direction, by bisection."""

from collections.abc import Callable

import torch
from torch import Tensor


def boundary_distances(
    wrong_at: Callable[[Tensor], Tensor], guesses: Tensor, *, largest: float, halvings: int
) -> Tensor:
    """Return the distance in (0, `largest`) at which each image begins to be misclassified, (batch,).

    `wrong_at` maps distances (batch,) to booleans (batch,) that say where the image at that distance is
    misclassified; at distance 0 none is. `guesses`, (batch,) in (0, `largest`], are tried first: a good guess
    narrows the interval more than its middle would. The interval is narrowed `halvings` times, and the middle of the
    last one is the result. The result is near `largest` if the image is classified correctly at every distance tried.
    If the class changes several times along the way, the result is one of these places.
    """
    lower, upper, tried = torch.zeros_like(guesses), torch.full_like(guesses, largest), guesses
    for _ in range(halvings):
        wrong = wrong_at(tried)
        lower, upper = torch.where(wrong, lower, tried), torch.where(wrong, tried, upper)
        tried = (lower + upper) / 2
    return tried
