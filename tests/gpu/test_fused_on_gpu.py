"""What only a GPU can show of the fused passes and of pixels in two parts: skipped elsewhere."""

from typing import Any

import pytest
import torch
from stand_ins import make_config
from torch import Tensor
from torch.nn import functional

from training.attacks.batch_norm_folding import FoldedBackbone
from training.attacks.pgd import frozen
from training.compute.bias_relu import bias_relu_twice, kernel_fault, reference
from training.compute.numerics import exact_float32
from training.models import build_model
from training.models.layers import in_two_parts

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU"),
]
TYPES = [torch.float32, torch.bfloat16, torch.float16]
ORDERS: list[Any] = [torch.contiguous_format, torch.channels_last]


def drawn(shape: tuple[int, ...], seed: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).cuda()


@pytest.mark.parametrize("order", ORDERS, ids=str)
@pytest.mark.parametrize("dtype", TYPES, ids=str)
@pytest.mark.parametrize("shape", [(128, 64, 32, 32), (3, 5, 7, 9)])
def test_the_kernels_compute_as_torch_does(shape: tuple[int, ...], dtype: torch.dtype, order: Any) -> None:
    assert kernel_fault(torch.device("cuda"), dtype) is None
    x, residual = (drawn(shape, seed).to(dtype).contiguous(memory_format=order).requires_grad_() for seed in (0, 1))
    bias = drawn(shape[1:2], 2)
    first, second = bias_relu_twice(x, bias, residual)
    expected = reference(x, bias, residual)
    assert torch.equal(first, expected)
    factors = [drawn(shape, seed).to(dtype) for seed in (3, 4)]
    found = torch.autograd.grad((first * factors[0] + second * factors[1]).sum(), (x, residual))
    (gradient,) = torch.autograd.grad((expected * (factors[0] + factors[1])).sum(), x)
    for each in found:
        torch.testing.assert_close(each, gradient)


@pytest.mark.parametrize(("architecture", "shape"), [("resnet18", (3, 32, 32)), ("cnn4", (1, 28, 28))])
def test_a_fused_copy_has_the_features_and_the_gradient_of_its_network(
    architecture: str, shape: tuple[int, int, int]
) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        backbone = build_model(make_config(architecture=architecture), 10, shape).cuda().backbone
    images = torch.rand(16, *shape, generator=torch.Generator().manual_seed(2)).cuda()
    found = []
    with exact_float32(), frozen(backbone):
        for network in (FoldedBackbone(backbone, fused=True), backbone):
            leaf = images.clone().requires_grad_()
            features = network(leaf)
            (gradient,) = torch.autograd.grad(features.square().sum(), leaf)
            found.append((features, gradient))
    for one, two in zip(*found, strict=True):
        assert (one - two).norm() < 1e-2 * two.norm()


def test_two_parts_of_pixels_keep_more_than_tf32() -> None:
    images = torch.rand(8, 3, 32, 32, generator=torch.Generator().manual_seed(3)).cuda()
    images = images.contiguous(memory_format=torch.channels_last)
    weight = drawn((64, 3, 3, 3), 4).to(torch.bfloat16).float()
    exact = functional.conv2d(images.double(), weight.double(), padding=1)
    parts = functional.conv2d(*in_two_parts(images, weight), padding=1).double()
    # Beside the rounding of the result.
    assert (parts - exact).abs().max() <= 2**-8 * exact.abs().max() + 2**-17 * weight.abs().sum(dim=(1, 2, 3)).max()
    plain = images + 0.002
    moved = functional.conv2d(*in_two_parts(plain, weight), padding=1).double() - parts
    assert (moved != 0).double().mean() > 0.3, "a small step is seen"
