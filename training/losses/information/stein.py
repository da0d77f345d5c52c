"""The spectral Stein gradient estimator of a density's score; Shi, Sun and Zhu 2018, arXiv:1806.02925."""

from typing import NamedTuple

import torch
from torch import Tensor

# Eigenvalues below this share of the largest are rounding: their inverse would be noise.
_SMALLEST_EIGENVALUE = 1e-10


class Scores(NamedTuple):
    """The estimated scores of samples, (n, dimensions), and the number of eigenfunctions that they use, a scalar."""

    values: Tensor
    eigenfunctions: Tensor


def stein_scores(samples: Tensor, *, kept_share: float) -> Scores:
    """Estimate the score, the gradient of log q, at `samples` (n, dimensions) from q; the result has no gradient.

    The score is expanded in the first J eigenfunctions psi_j of an RBF kernel K whose width is the median distance
    (Shi et al. 2018, section 3, eq. 9-14). J is the smallest number whose eigenvalues sum up to `kept_share` of the
    trace. At the samples psi_j is sqrt(n) u_j, where u_j is an eigenvector of K, so the expansion becomes
    U_J diag(1 / lambda_J) U_J' (K - diag(K 1)) X / width^2. It is computed in float64.
    """
    with torch.no_grad():
        centred = (samples - samples.mean(dim=0)).double()
        squared = torch.cdist(centred, centred, compute_mode="donot_use_mm_for_euclid_dist").square()
        squared_width = _squared_width(centred)
        kernel = torch.exp(squared / (-2 * squared_width))
        eigenvalues, vectors = torch.linalg.eigh(kernel)
        kept = _leading(eigenvalues, kept_share)
        inverse = torch.where(kept, eigenvalues.reciprocal(), 0)
        slopes = (kernel @ centred - kernel.sum(dim=1, keepdim=True) * centred) / squared_width
        values = vectors @ (inverse[:, None] * (vectors.T @ slopes))
        return Scores(values.to(samples.dtype), kept.sum())


def _squared_width(samples: Tensor) -> Tensor:
    """Return the squared median distance between different samples, a scalar > 0."""
    # Samples that coincide have no scale; any positive width then gives them the kernel value 1.
    return torch.pdist(samples).median().square().clamp_min(1e-12)


def _leading(eigenvalues: Tensor, kept_share: float) -> Tensor:
    """Return a mask of the ascending `eigenvalues`, (n,), that are needed for `kept_share` of their sum."""
    descending = eigenvalues.flip(0).clamp_min(0)
    larger = descending.cumsum(dim=0) - descending
    needed = (larger < kept_share * descending.sum()) & (descending > _SMALLEST_EIGENVALUE * descending[0])
    return needed.flip(0)
