"""The classification networks of torchvision by name, such as `architecture: torchvision:resnet34`, without weights.

The last linear layer is taken off, so that bottleneck and head are put on the features before it; a network without
one, such as SqueezeNet, ends with logits. For images of less than 64 pixels a side the network gets the stem that is
usual for CIFAR: a first convolution of stride 2 becomes one of 3x3 and stride 1, and a max-pooling right after it is
left out. The first convolution takes as many channels as the images have.
"""

from collections.abc import Callable
from typing import Any

from torch import nn

from training.models.stems import SMALL_SIDE, replace_stem

# They have no keys of their own.
KNOBS: dict[str, Any] = {}
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
    replace_stem(network, channels, is_small=min(height, width) < SMALL_SIDE)
    heads = [path for path, layer in network.named_modules() if isinstance(layer, nn.Linear)]
    last = network.get_submodule(heads[-1]) if heads else None
    if not isinstance(last, nn.Linear) or last.out_features != num_classes:
        return network
    network.set_submodule(heads[-1], nn.Identity())
    return network, last.in_features
