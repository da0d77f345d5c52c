"""The gradient norm of each term of a loss: a term may have a large value and hardly any effect on the weights."""

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn

from training.compute.parallel import ALONE, Group


def gradient_norms(
    terms: Mapping[str, Tensor], parameters: Iterable[nn.Parameter], group: Group = ALONE
) -> dict[str, Tensor]:
    """Return the Euclidean norm of each term's gradient with respect to `parameters`, float64 scalars.

    The gradient is the mean over all processes of the `group`. The norm is 0 for a term that does not depend on the
    parameters. The graph of the terms is kept, and no `grad`, buffer or random state changes, so that training
    continues with the same bits.
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
