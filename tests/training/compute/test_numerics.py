import torch

from training.compute.numerics import repeatable_convolutions


def test_cudnn_is_deterministic_inside_and_as_before_afterwards() -> None:
    cudnn = torch.backends.cudnn
    before = (cudnn.deterministic, cudnn.benchmark)
    with repeatable_convolutions():
        assert (cudnn.deterministic, cudnn.benchmark) == (True, False)
    assert (cudnn.deterministic, cudnn.benchmark) == before
