"""How far an image is from the decision boundary in a given direction, by bisection."""

from collections.abc import Callable

import torch
from torch import Tensor


def margins_along(wrong_at: Callable[[Tensor], Tensor], guesses: Tensor, *, largest: float, halvings: int) -> Tensor:
    """Give the distance, (batch,), in (0, `largest`), at which each image begins to be misclassified.

    `wrong_at` maps distances (batch,) to truth values (batch,); at 0 it is false. `guesses`, (batch,) in
    (0, `largest`], are tried first: a good one narrows the interval more than its middle would. The interval
    is then halved `halvings` times, and its middle is the result. Where an image is right at every distance
    tried, the result is near `largest`; where it changes several times, it is one of the changes.
    """
    lower, upper, tried = torch.zeros_like(guesses), torch.full_like(guesses, largest), guesses
    for _ in range(halvings):
        wrong = wrong_at(tried)
        lower, upper = torch.where(wrong, lower, tried), torch.where(wrong, tried, upper)
        tried = (lower + upper) / 2
    return tried
