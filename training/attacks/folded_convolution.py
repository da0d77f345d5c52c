"""A convolution with the batch norm after it merged into its weights."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from training.models.layers import InputConv2d, convolve_images


class FoldedConv(nn.Module):
    """A convolution with the merged weights of `convolution` and `norm`; it reads both modules and owns neither.

    `dtype` is the type of its weights, except for a convolution on the images; None means that of the convolution.
    """

    def __init__(self, convolution: nn.Conv2d, norm: nn.BatchNorm2d | None, dtype: torch.dtype | None) -> None:
        super().__init__()
        self._sources = (convolution, norm)  # a tuple, so that torch does not register them as submodules
        self._exact = isinstance(convolution, InputConv2d)
        self._adds_bias = True
        dtype = convolution.weight.dtype if self._exact or dtype is None else dtype
        self.register_buffer("weight", torch.empty_like(convolution.weight, dtype=dtype).detach())
        bias = convolution.weight.new_zeros(convolution.out_channels, dtype=dtype)
        self.register_buffer("bias", None if norm is None and convolution.bias is None else bias)
        self.weight: Tensor
        self.bias: Tensor | None

    @property
    def source(self) -> nn.Conv2d:
        """The convolution whose weights are merged."""
        return self._sources[0]

    def leave_bias(self) -> None:
        """Compute from now on without the bias, which another module adds; it stays in `bias`, not rounded."""
        self._adds_bias = False
        if self.bias is not None:
            self.bias = self.bias.to(self.source.weight.dtype)

    @torch.no_grad()
    def refresh(self) -> None:
        """Merge the present weights and statistics."""
        convolution, norm = self._sources
        weight, bias = convolution.weight, convolution.bias
        if norm is not None:
            mean, variance = norm.running_mean, norm.running_var
            assert mean is not None
            assert variance is not None
            scale = norm.weight * (variance + norm.eps).rsqrt()
            weight = weight * scale[:, None, None, None]
            bias = norm.bias + (scale * (-mean if bias is None else bias - mean))
        self.weight.copy_(weight)
        if self.bias is not None and bias is not None:
            self.bias.copy_(bias)

    def forward(self, x: Tensor) -> Tensor:
        bias = self.bias if self._adds_bias else None
        return (
            convolve_images(self._convolve, x, self.weight, bias)
            if self._exact
            else self._convolve(x, self.weight, bias)
        )

    def _convolve(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        source = self.source
        return functional.conv2d(x, weight, bias, source.stride, source.padding, source.dilation, source.groups)
