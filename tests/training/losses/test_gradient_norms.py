import pytest
import torch
from torch import nn

from training.losses import gradient_norms


def test_the_norms_are_those_by_hand() -> None:
    first, second, apart = (nn.Parameter(torch.tensor(values)) for values in ([1.0, 2.0], [3.0], [5.0]))
    terms = {
        "squares": (first**2).sum() + second.sum() ** 2,  # gradients (2, 4) and 6
        "linear": 3 * first.sum(),  # gradients (3, 3) and none
        "elsewhere": apart.sum(),
    }
    norms = gradient_norms(terms, [first, second])
    assert list(norms) == list(terms)
    found = [norm.item() for norm in norms.values()]
    assert found == pytest.approx([(4 + 16 + 36) ** 0.5, 18**0.5, 0])
    assert first.grad is None
    terms["squares"].backward()  # type: ignore[no-untyped-call] # the graph is still there
    assert first.grad is not None


def test_a_large_gradient_does_not_overflow() -> None:
    weight = nn.Parameter(torch.ones(4))
    (norm,) = gradient_norms({"large": 1e30 * weight.sum()}, [weight]).values()
    assert norm.item() == pytest.approx(2e30)
