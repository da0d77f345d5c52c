"""The stem that networks from outside get for small images, and a first convolution that stays in float32."""

from torch import nn

from training.models.layers import InputConv2d

SMALL_SIDE = 64


def replace_stem(network: nn.Module, channels: int, *, is_small: bool, most_convolutions: int = 1) -> None:
    """Replace the first convolution, and for small images also the max-pooling after it.

    A first convolution of stride 2 becomes 3x3 with stride 1 for small images, unless its kernel is as small as its
    stride: those cut the image into patches. The max-pooling is left out if at most `most_convolutions` come before it.
    A convolution of a class of its own, such as one with other padding, stays as it is unless the stem changes.
    """
    layers = [(path, layer) for path, layer in network.named_modules() if not list(layer.children())]
    convolutions = [place for place, (_, layer) in enumerate(layers) if isinstance(layer, nn.Conv2d)]
    if not convolutions:
        return
    first = convolutions[0]
    path, old = layers[first]
    assert isinstance(old, nn.Conv2d)
    is_strided = is_small and old.stride == (2, 2) and old.kernel_size != old.stride
    if is_strided or type(old) is nn.Conv2d:
        network.set_submodule(path, _first_convolution(old, channels, is_small=is_strided))
    if is_strided:
        end = (*convolutions, *[len(layers)] * most_convolutions)[most_convolutions]
        pools = [place for place, layer in layers[first:end] if isinstance(layer, nn.MaxPool2d)]
        for pooling in pools[:1]:
            network.set_submodule(pooling, nn.Identity())


def _first_convolution(old: nn.Conv2d, channels: int, *, is_small: bool) -> InputConv2d:
    return InputConv2d(
        channels,
        old.out_channels,
        3 if is_small else old.kernel_size,  # type: ignore[arg-type]
        stride=1 if is_small else old.stride,  # type: ignore[arg-type]
        padding=1 if is_small else old.padding,  # type: ignore[arg-type]
        bias=old.bias is not None,
    )
