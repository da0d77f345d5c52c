"""The first convolution: what it keeps of the pixels in bfloat16."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.nn import functional

from training.models.layers import InputConv2d, convolve_images, in_two_parts, takes_two_parts

STEP = 0.003


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def same_padding(images: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    return functional.conv2d(images, weight, bias, padding=1)


@pytest.mark.parametrize("channels", [1, 3, 4, 5])
def test_two_parts_hold_a_pixel_to_a_small_share_of_a_step(channels: int) -> None:
    images, weight = drawn(2, channels, 64, 64), drawn(8, channels, 3, 3, seed=1)
    pixels, weights = in_two_parts(images, weight)
    assert pixels.dtype == weights.dtype == torch.bfloat16
    assert pixels.shape[1] == weights.shape[1] == -(-2 * channels // 8) * 8
    sizes = [channels, channels, pixels.shape[1] - 2 * channels]
    high, low, rest = torch.split(pixels.double(), sizes, dim=1)
    assert (high + low - images.double()).abs().max() <= 2**-17 < STEP / 390
    assert (high - images.double()).abs().max() > STEP / 2, "one part is not enough"
    assert not rest.any()
    for part in in_two_parts(*(each.contiguous(memory_format=torch.channels_last) for each in (images, weight))):
        assert part.is_contiguous(memory_format=torch.channels_last) or channels == 1, "no pass to reorder them"
    # Extremes, where nothing is lost.
    ends = torch.tensor([0.0, 1.0, 0.5]).view(1, 1, 1, 3)
    assert torch.equal(in_two_parts(ends, weight[:, :1])[0][:, 0].float(), ends[:, 0])


def test_the_sum_of_products_is_that_of_the_whole_pixels() -> None:
    """In float64, so that the parts alone decide: the weight is rounded as in every convolution."""
    images, weight = drawn(2, 3, 16, 16), drawn(8, 3, 3, 3, seed=1) - 0.5
    pixels, weights = in_two_parts(images, weight)
    rounded = weight.to(torch.bfloat16).double()
    found = same_padding(pixels.double(), weights.double(), None)
    exact = same_padding(images.double(), rounded, None)
    assert (found - exact).abs().max() <= 2**-17 * rounded.abs().sum(dim=(1, 2, 3)).max()


def test_a_step_of_an_attack_is_seen_where_bfloat16_alone_sees_none() -> None:
    """The difference of a moved image to the image, by a convolution of bfloat16 that computes it."""
    images = torch.full((1, 1, 8, 8), 0.8)
    moved = images + STEP / 4
    weight = torch.tensor([-64.0, 64.0]).view(1, 2, 1, 1)
    both = torch.cat([images, moved], dim=1)
    found = functional.conv2d(*in_two_parts(both, weight)).float()
    torch.testing.assert_close(found, torch.full_like(found, 64 * STEP / 4), rtol=0.03, atol=0)
    assert not functional.conv2d(both.bfloat16(), weight.bfloat16()).any()


def test_gradients_are_those_of_the_whole_pixels() -> None:
    images, weight = drawn(2, 3, 16, 16).requires_grad_(), (drawn(8, 3, 3, 3, seed=1) - 0.5).requires_grad_()
    factors = drawn(2, 8, 16, 16, seed=2) - 0.5
    pixels, weights = in_two_parts(images, weight)
    output = same_padding(pixels.double(), weights.double(), None)
    found = torch.autograd.grad((factors * output).sum(), (images, weight))
    exact = same_padding(images.double(), weight.to(torch.bfloat16).double(), None)
    expected = torch.autograd.grad((factors * exact).sum(), (images, weight))
    for one, two in zip(found, expected, strict=True):
        assert (one - two).abs().max() <= 2**-7 * two.abs().max()
    assert (found[0].sign() == expected[0].sign()).all()


@pytest.mark.parametrize("bias", [True, False])
def test_a_gpu_takes_two_parts_under_bfloat16_alone(monkeypatch: pytest.MonkeyPatch, bias: bool) -> None:
    monkeypatch.setattr(torch.cuda.amp.common, "amp_definitely_not_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda *_, **__: True)
    seen: list[Any] = []

    def noted(images: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        seen.append((images.dtype, images.shape[1], bias if bias is None else bias.dtype))
        return same_padding(images, weight, bias)

    with FakeTensorMode():
        layer = nn.Conv2d(3, 4, 3, padding=1, bias=bias, device="cuda")
        images = torch.rand(2, 3, 8, 8, device="cuda")
        for dtype in (torch.bfloat16, torch.float16):
            with torch.autocast("cuda", dtype):
                assert convolve_images(noted, images, layer.weight, layer.bias).dtype == dtype
        assert convolve_images(noted, images, layer.weight, layer.bias).dtype == torch.float32
    kinds = [torch.bfloat16, torch.float32, torch.float32]
    assert seen == [(kind, 8 if kind == torch.bfloat16 else 3, kind if bias else None) for kind in kinds]


def test_a_cpu_takes_the_whole_pixels() -> None:
    layer = InputConv2d(3, 4, 3, padding=1)
    images = drawn(2, 3, 8, 8)
    assert not takes_two_parts(images, layer.weight, torch.bfloat16)
    exact = same_padding(images, layer.weight, layer.bias)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(layer(images), exact.bfloat16())
