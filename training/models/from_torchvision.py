"""The classification networks of torchvision by name, such as `architecture: torchvision:resnet34`, without weights.

The last linear layer is taken off, so that bottleneck and head are put on the features before it; a network without
one, such as SqueezeNet, ends with logits. For images of less than 64 pixels a side the network gets the stem that is
usual for CIFAR: a first convolution of stride 2 becomes one of 3x3 and stride 1, and a max-pooling right after it is
left out. The first convolution takes as many channels as the images have.
"""

from collections.abc import Callable
from typing import Any

from torch import nn

from training.models.layers import InputConv2d

SMALL_SIDE = 64
# Networks whose output is a tuple in train mode unless they are told otherwise.
_WITH_OPTIONS: dict[str, dict[str, Any]] = {
    "googlenet": {"aux_logits": False, "init_weights": True},
    "inception_v3": {"aux_logits": False, "init_weights": True},
}


def __getattr__(name: str) -> Callable[..., nn.Module | tuple[nn.Module, int]]:
    """Return the function that builds the network `name`. Raise AttributeError if torchvision has none of that name."""
    if name not in __dir__():
        raise AttributeError(name)

    def build(image_shape: tuple[int, int, int], num_classes: int) -> nn.Module | tuple[nn.Module, int]:
        return _network(name, image_shape, num_classes)

    return build


def __dir__() -> list[str]:
    """Return the names of the networks."""
    # Not at the top: the import takes a second, and most trials do not need it.
    from torchvision import models

    return list(models.list_models(module=models))


def _network(name: str, image_shape: tuple[int, int, int], num_classes: int) -> nn.Module | tuple[nn.Module, int]:
    from torchvision import models

    channels, height, width = image_shape
    options = _WITH_OPTIONS.get(name, {})
    if name.startswith("vit_"):
        options = {"image_size": height}
    network: nn.Module = models.get_model(name, weights=None, num_classes=num_classes, **options)
    _replace_stem(network, channels, is_small=min(height, width) < SMALL_SIDE)
    heads = [path for path, layer in network.named_modules() if isinstance(layer, nn.Linear)]
    last = network.get_submodule(heads[-1]) if heads else None
    if not isinstance(last, nn.Linear) or last.out_features != num_classes:
        return network
    network.set_submodule(heads[-1], nn.Identity())
    return network, last.in_features


def _replace_stem(network: nn.Module, channels: int, *, is_small: bool) -> None:
    """Replace the first convolution, and for small images also the max-pooling right after it."""
    layers = [(path, layer) for path, layer in network.named_modules() if not list(layer.children())]
    convolutions = [place for place, (_, layer) in enumerate(layers) if isinstance(layer, nn.Conv2d)]
    first, second = (*convolutions, len(layers), len(layers))[:2]
    path, old = layers[first]
    if not isinstance(old, nn.Conv2d):
        return
    is_strided = is_small and old.stride == (2, 2)
    network.set_submodule(path, _first_convolution(old, channels, is_small=is_strided))
    if is_strided:
        for pooling, layer in layers[first:second]:
            if isinstance(layer, nn.MaxPool2d):
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
