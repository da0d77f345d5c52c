"""The Hilbert-Schmidt independence criterion (HSIC), the paper's estimate of the mutual information I(z; z').

Gretton et al. 2005, "Measuring statistical dependence with Hilbert-Schmidt norms"; Yu et al. 2023, eq. 19.
"""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from training.compute.numerics import at_least_float32, no_autocast
from training.config.fields import choice, sourced, whole
from training.losses.information.estimator import WithoutLearning
from training.registry import ESTIMATORS
from training.registry_entry import Problems

# The ridge of HBaR, relative to the number of samples; Wang et al. 2021, arXiv:2106.02734.
CCA_RIDGE = 1e-5


def _conflicts(values: Mapping[str, Any]) -> Problems:
    if "information" not in values["terms"]:
        return []
    problems = []
    size = values["batch_size"]
    if values["hsic_neighbours"] >= size:
        rule = f"below batch_size = {size}: a sample has no more neighbours than that"
        problems.append(("hsic_neighbours", f"the value is {values['hsic_neighbours']}, but must be {rule}"))
    if values["hsic_normalisation"] == "unbiased" and size < 4:
        problems.append(("hsic_normalisation", "the value is unbiased, which needs a batch_size of at least 4"))
    return problems


@ESTIMATORS.register(
    "hsic",
    conflicts=_conflicts,
    hsic_neighbours=sourced(whole(10, 1), "Yu et al. 2023, section 4.1: k = 10"),
    hsic_normalisation=sourced(
        choice("biased", ("biased", "unnormalised", "cka", "cca", "unbiased")), "Gretton et al. 2005, the biased form"
    ),
    hsic_width=sourced(choice("nearest", ("nearest", "first_columns")), "Yu et al. 2023, section 4.1"),
    # The paper does not say whether the gradient passes through the width.
    hsic_width_gradient=sourced(choice("detached", ("detached", "full")), "the first author's own code: detached"),
)
class Hsic(WithoutLearning):
    """HSIC with RBF kernels: like I(z; z') it is about 0 for independent views, but its unit is not nats."""

    def __init__(
        self,
        *,
        hsic_neighbours: int,
        hsic_normalisation: str = "biased",
        hsic_width: str = "nearest",
        hsic_width_gradient: str = "detached",
    ) -> None:
        """Store the options of the function `hsic`, which explains them."""
        self._neighbours = hsic_neighbours
        self._normalisation = hsic_normalisation
        self._width = hsic_width
        self._width_gradient = hsic_width_gradient

    def __call__(self, first: Tensor, second: Tensor) -> Tensor:
        """Return the HSIC of `first` and `second`, (batch, dimensions) each, a scalar."""
        return hsic(
            first,
            second,
            neighbours=self._neighbours,
            normalisation=self._normalisation,
            width=self._width,
            width_gradient=self._width_gradient,
        )


def hsic(
    first: Tensor,
    second: Tensor,
    *,
    neighbours: int,
    normalisation: str = "biased",
    width: str = "nearest",
    width_gradient: str = "detached",
) -> Tensor:
    """Return the HSIC of two views with RBF kernels, a scalar; a larger value means a stronger dependence.

    `first` and `second` are (n, dimensions), paired by row. Each has its own kernel width, from `neighbours` other
    samples. `normalisation` is a key of `NORMALISATIONS`. The paper's is `biased`; it lies in
    [0, 0.25 (n / (n - 1))^2], so at the paper's weight of 0.001 it has almost no effect, and therefore the others
    exist. `width` is `nearest` (see `kernel_width`) or `first_columns`, as in the first author's DIB code: the kernel
    is exp(-d^2 / s^2) without the factor 2, and s is the mean distance to the first `neighbours` samples of the batch.
    With `width_gradient` = `detached` the width is a constant for the gradient: it sets the scale. With `full` the
    gradient passes through it, too, so that it is that of the value. It is computed in float32 or better. Raise
    ValueError unless n > `neighbours`.
    """
    detached = width_gradient == "detached"
    with no_autocast(first.device):
        kernels = [
            _rbf_kernel(at_least_float32(view), neighbours, width, detached=detached) for view in (first, second)
        ]
        return NORMALISATIONS[normalisation](*kernels)


def hsic_of_kernels(first: Tensor, second: Tensor) -> Tensor:
    """Return trace(K H L H) / (n - 1)^2 for symmetric kernel matrices K and L, each (n, n)."""
    return unnormalised(first, second) / (first.shape[0] - 1) ** 2


def unnormalised(first: Tensor, second: Tensor) -> Tensor:
    """Return trace(K H L H) for symmetric kernel matrices K and L, each (n, n): (n - 1)^2 times the biased one."""
    return (_centred(first) * second).sum()


def cka(first: Tensor, second: Tensor) -> Tensor:
    """Return HSIC(K, L) / sqrt(HSIC(K, K) HSIC(L, L)) in [0, 1]; Kornblith et al. 2019, arXiv:1905.00414, eq. 4."""
    norms = unnormalised(first, first) * unnormalised(second, second)
    # If all samples coincide, the norm is 0, and without the clamp the root would have no gradient.
    return unnormalised(first, second) * norms.clamp_min(1e-12).rsqrt()


def cca(first: Tensor, second: Tensor) -> Tensor:
    """Return the normalised HSIC of HBaR, trace(R S), where R = K' (K' + 1e-5 n I)^-1, K' = H K H, and S likewise of L.

    It is at most n - 1. It is computed in float64, because the condition number of the matrices is 1e5.
    """
    ridge = CCA_RIDGE * len(first) * torch.eye(len(first), dtype=torch.float64, device=first.device)
    ratios: list[Tensor] = []
    for kernel in (first, second):
        centred = _centred(kernel.double())
        # The ridge makes the matrix positive definite; a check for errors would wait for the accelerator.
        ratios.append(torch.linalg.solve_ex(centred + ridge, centred, check_errors=False).result)
    return (ratios[0] * ratios[1].T).sum().to(first.dtype)


def unbiased(first: Tensor, second: Tensor) -> Tensor:
    """Return the unbiased estimate, which may be below 0; Song et al. 2012, eq. 5, JMLR 13.

    Raise ValueError if n < 4.
    """
    count = len(first)
    if count < 4:
        raise ValueError(f"The batch has {count} samples, but unbiased HSIC needs at least 4; raise batch_size.")
    itself = torch.eye(count, dtype=torch.bool, device=first.device)
    k, m = first.masked_fill(itself, 0), second.masked_fill(itself, 0)
    apart = k.sum() * m.sum() / ((count - 1) * (count - 2))
    mixed = 2 / (count - 2) * (k.sum(dim=0) * m.sum(dim=0)).sum()
    return ((k * m).sum() + apart - mixed) / (count * (count - 3))


NORMALISATIONS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "biased": hsic_of_kernels,
    "unnormalised": unnormalised,
    "cka": cka,
    "cca": cca,
    "unbiased": unbiased,
}


def _centred(kernel: Tensor) -> Tensor:
    return kernel - kernel.mean(dim=0, keepdim=True) - kernel.mean(dim=1, keepdim=True) + kernel.mean()


def kernel_width(distances: Tensor, neighbours: int) -> Tensor:
    """Return the mean distance between a sample and its `neighbours` nearest other samples, a scalar.

    `distances` is (n, n). A sample is not its own neighbour, which would make the width smaller by about
    1/`neighbours`.
    """
    _require_neighbours(len(distances), neighbours)
    itself = torch.eye(len(distances), dtype=torch.bool, device=distances.device)
    others = distances.masked_fill(itself, torch.inf)
    # Samples that coincide have no scale; any positive width then gives them the kernel value 1.
    return others.topk(neighbours, largest=False).values.mean().clamp_min(1e-6)


def first_columns_width(distances: Tensor, neighbours: int) -> Tensor:
    """Return the mean distance to the first `neighbours` samples of the batch, a scalar; `distances` is (n, n).

    The distances of these samples to themselves are included. `yuxi120407/DIB` computes this, because it takes the
    first columns of the distance matrix before it sorts them.
    """
    _require_neighbours(len(distances), neighbours)
    return distances[:, :neighbours].mean().clamp_min(1e-6)


def _require_neighbours(count: int, neighbours: int) -> None:
    if count <= neighbours:
        raise ValueError(
            f"The batch has {count} samples, but the kernel width of HSIC with {neighbours} neighbours"
            f" needs at least {neighbours + 1}; raise batch_size or lower hsic_neighbours."
        )


def _rbf_kernel(samples: Tensor, neighbours: int, width: str, *, detached: bool) -> Tensor:
    distances = pairwise_distances(samples)
    measured = distances.detach() if detached else distances
    if width == "first_columns":
        return torch.exp(-(distances / first_columns_width(measured, neighbours)).square())
    return torch.exp((distances / kernel_width(measured, neighbours)).square() / -2)


def pairwise_distances(samples: Tensor) -> Tensor:
    """Return all Euclidean distances between the rows of (n, dimensions), (n, n).

    Each is the norm of a difference. |a|^2 + |b|^2 - 2ab would be faster, but it loses the distances inside tight
    clusters, which the kernel width is made of. The gradient at distance 0 is 0.
    """
    return torch.cdist(samples, samples, compute_mode="donot_use_mm_for_euclid_dist")
