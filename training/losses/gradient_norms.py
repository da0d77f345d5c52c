"""How strongly each term of a loss pulls at the weights: a term may have a value and yet no effect."""

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn

from training.compute.parallel import ALONE, Group


def gradient_norms(
    terms: Mapping[str, Tensor], parameters: Iterable[nn.Parameter], group: Group = ALONE
) -> dict[str, Tensor]:
    """Return the Euclidean norm of each term's gradient with respect to `parameters`, float64 scalars.

    The gradient is the mean of those of all processes of the `group`.

    The terms' graph is kept, and no `grad`, buffer or random state is touched: training goes on to the bit.
    0 for a term that does not depend on them.
    """
    weights = list(parameters)
    norms = {}
    for name, term in terms.items():
        gradients = torch.autograd.grad(term, weights, retain_graph=True, materialize_grads=True)
        group.average(gradients)
        # float64: the squares of a gradient near divergence overflow float32.
        parts = [torch.linalg.vector_norm(gradient, dtype=torch.float64) for gradient in gradients]
        norms[name] = torch.linalg.vector_norm(torch.stack(parts))
    return norms
