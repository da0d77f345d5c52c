import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from training.attacks import soft_logit_margin


def test_the_soft_logit_margin_is_its_formula() -> None:
    logits, labels = torch.tensor([[1.0, 2.0, -1.0], [0.5, 0.0, 3.0]]), torch.tensor([1, 0])
    expected = [math.log(math.exp(1) + math.exp(-1)) - 2, math.log(1 + math.exp(3)) - 0.5]
    assert soft_logit_margin(logits, labels).tolist() == pytest.approx(expected, rel=1e-6)


@given(st.integers(0, 10_000))
def test_a_negative_soft_logit_margin_means_a_correct_class(seed: int) -> None:
    logits = 5 * torch.randn(40, 4, generator=torch.Generator().manual_seed(seed))
    labels = torch.arange(40) % 4
    margins = soft_logit_margin(logits, labels)
    assert (logits.argmax(dim=1) == labels)[margins < 0].all()
    hard = logits.scatter(1, labels[:, None], -torch.inf).amax(dim=1) - logits.gather(1, labels[:, None]).squeeze(1)
    assert (margins >= hard - 1e-5).all()
    assert (margins <= hard + math.log(3) + 1e-5).all()
