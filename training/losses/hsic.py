"""The Hilbert-Schmidt independence criterion, this method's estimate of the information I(z; z').

Gretton et al. 2005, "Measuring statistical dependence with Hilbert-Schmidt norms"; Yu et al. 2023, eq. 19.
"""

import torch
from torch import Tensor

from training.losses.precision import at_least_float32, no_autocast


def hsic(first: Tensor, second: Tensor, *, neighbours: int) -> Tensor:
    """Give the biased estimate trace(K H L H) / (n - 1)^2 with RBF kernels, in [0, 0.25 (n / (n - 1))^2].

    `first` and `second` are (n, dimensions), paired by row; each has its own kernel width, from the distances
    to its `neighbours` nearest neighbours. Raise ValueError unless n > `neighbours`. Computed in float32 at
    least.
    """
    with no_autocast(first.device):
        kernels = [_rbf_kernel(at_least_float32(view), neighbours) for view in (first, second)]
        return hsic_of_kernels(*kernels)


def hsic_of_kernels(first: Tensor, second: Tensor) -> Tensor:
    """Give trace(K H L H) / (n - 1)^2 for symmetric kernel matrices K and L, each (n, n)."""
    centred = first - first.mean(dim=0, keepdim=True) - first.mean(dim=1, keepdim=True) + first.mean()
    return (centred * second).sum() / (first.shape[0] - 1) ** 2


def kernel_width(squared_distances: Tensor, neighbours: int) -> Tensor:
    """Give the mean over samples of the mean distance to the `neighbours` nearest others, a detached scalar.

    `squared_distances` is (n, n). A sample is not its own neighbour: counting it would shrink the width by
    about 1/`neighbours`. The width is detached, as in the first author's code: it sets a scale and is not a
    way to lower the loss.
    """
    count = squared_distances.shape[0]
    if count <= neighbours:
        raise ValueError(
            f"The batch has {count} samples, but HSIC's kernel width from {neighbours} neighbours"
            f" needs at least {neighbours + 1}; raise batch_size or lower hsic_neighbours."
        )
    others = squared_distances.detach().clone().fill_diagonal_(torch.inf)
    width = others.topk(neighbours, largest=False).values.sqrt().mean()
    # Samples that coincide have no scale; any positive width then gives them the kernel value 1.
    return width.clamp_min(1e-6)


def _rbf_kernel(samples: Tensor, neighbours: int) -> Tensor:
    squared = _squared_distances(samples)
    return torch.exp(squared / (-2 * kernel_width(squared, neighbours).square()))


def _squared_distances(samples: Tensor) -> Tensor:
    """Give all squared Euclidean distances, (n, n), without a square root, whose gradient at 0 is NaN.

    Centring first keeps |a|^2 + |b|^2 - 2ab from cancelling when the features share a large mean. Distances
    are invariant under it, so the mean needs no gradient.
    """
    centred = samples - samples.detach().mean(dim=0)
    norms = centred.square().sum(dim=1)
    squared = norms[:, None] + norms[None, :] - 2 * centred @ centred.T
    itself = torch.eye(len(samples), dtype=torch.bool, device=samples.device)
    return squared.clamp_min(0).masked_fill(itself, 0)
