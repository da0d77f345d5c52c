"""The networks of timm by name, such as `architecture: timm:convnext_atto`, without weights. timm is an extra.

A network returns the pooled features before its classifier, on which bottleneck and head are put; one that has none
returns logits. For images of less than 64 pixels a side a strided stem of overlapping convolutions becomes 3x3 with
stride 1, without the max-pooling after it, and a network that cuts the image into patches gets patches of an eighth of
a side. A network of fixed input size, such as a ViT, gets the size of the images.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from training.models.stems import SMALL_SIDE, replace_stem
from training.outside_code import PlugInError

# They have no keys of their own.
KNOBS: dict[str, Any] = {}
# The first convolutions of a deep stem, before its max-pooling.
_MOST_STEM_CONVOLUTIONS = 3
_PATCHES_A_SIDE = 8


def __getattr__(name: str) -> Callable[..., nn.Module | tuple[nn.Module, int]]:
    """Return the function that builds the network `name`.

    Raise AttributeError if timm has none of that name, and PlugInError if timm is not installed.
    """
    if name.startswith("_") or name not in __dir__():
        raise AttributeError(name)

    def build(image_shape: tuple[int, int, int], num_classes: int) -> nn.Module | tuple[nn.Module, int]:
        return _network(name, image_shape, num_classes)

    return build


def __dir__() -> list[str]:
    """Return the names of the networks. Raise PlugInError if timm is not installed."""
    return list(_timm().list_models())


def _timm() -> Any:
    try:
        # Not at the top: it is an extra, and its import takes seconds.
        import timm
    except ImportError as error:
        raise PlugInError(f"timm cannot be imported ({error}): pip install 'robust-tuner[timm]'", "timm") from error
    return timm


def _network(name: str, image_shape: tuple[int, int, int], num_classes: int) -> nn.Module | tuple[nn.Module, int]:
    is_small = min(image_shape[1:]) < SMALL_SIDE
    network = _made(name, image_shape, 0, is_small=is_small)
    features = _features(network, image_shape)
    if features is None:
        return _made(name, image_shape, num_classes, is_small=is_small)
    return network, features


def _made(name: str, image_shape: tuple[int, int, int], outputs: int, *, is_small: bool) -> nn.Module:
    """Build a network with the arguments about sizes that its class takes: timm refuses the others by TypeError."""
    channels, height, width = image_shape
    size = {"img_size": (height, width)}
    patches = {"patch_size": max(1, min(height, width) // _PATCHES_A_SIDE)}
    attempts: list[dict[str, Any]] = [size | patches, patches, size, {}] if is_small else [size, {}]
    for options in attempts:
        try:
            network: nn.Module = _timm().create_model(
                name, pretrained=False, num_classes=outputs, in_chans=channels, **options
            )
        except TypeError:
            if not options:
                raise
            continue
        replace_stem(network, channels, is_small=is_small, most_convolutions=_MOST_STEM_CONVOLUTIONS)
        return network
    raise AssertionError(name)


def _features(network: nn.Module, image_shape: tuple[int, int, int]) -> int | None:
    """Return the width of the features that a network without classifier returns; None if it returns something else."""
    mode = network.training
    with torch.no_grad():
        output = network.eval()(torch.zeros(2, *image_shape))
    network.train(mode)
    if not isinstance(output, torch.Tensor) or output.ndim != 2 or not output.shape[1]:
        return None
    return output.shape[1]
