"""What an architecture may return: a network with its number of features, or a network that ends with logits."""

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from training.config import ConfigError
from training.registry import ARCHITECTURES


class Network(NamedTuple):
    """A network, and the number of its features; None if its output are logits."""

    module: nn.Module
    features: int | None


def build_network(name: str, values: dict[str, Any], num_classes: int, image_shape: tuple[int, int, int]) -> Network:
    """Build the network of the architecture `name`; `image_shape` is (channels, height, width).

    A network from outside the project is tried on two images. Raise ConfigError if the architecture cannot process
    such images, or if what it returns is no network or has a wrong output.
    """
    entry = ARCHITECTURES[name]
    try:
        built = entry.build(values, image_shape=image_shape, num_classes=num_classes)
    except (Exception, SystemExit) as error:
        if entry.is_own and not isinstance(error, ValueError):
            raise
        reason = str(error) if entry.is_own else f"{name} cannot be built ({type(error).__name__}: {error})"
        raise ConfigError([("architecture", reason)]) from error
    network = Network(*built) if isinstance(built, tuple) and len(built) == 2 else Network(built, None)
    if isinstance(built, nn.Module) and isinstance(getattr(built, "features", None), int):
        network = Network(built, built.features)  # type: ignore[arg-type]
    if not entry.is_own:
        _try(name, network, num_classes, image_shape)
    return network


def _try(name: str, network: Network, num_classes: int, image_shape: tuple[int, int, int]) -> None:
    module, features = network
    if not isinstance(module, nn.Module) or not (features is None or isinstance(features, int)):
        rule = "must return a torch.nn.Module, alone or with its number of features"
        raise _unfit(name, f"returns {type(module).__name__}, but {rule}")
    width = num_classes if features is None else features
    way = "a network that ends with features says how many in its attribute `features`, an integer"
    meaning, way = (
        (f"logits of {num_classes} classes", f"; {way}") if features is None else (f"{features} features", "")
    )
    mode, images = module.training, _tried_images(image_shape)
    try:
        output, again = module.eval()(images), module(images)
    except (Exception, SystemExit) as error:
        reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
        raise _unfit(name, f"cannot process images {image_shape} (channels, height, width): {reason}") from error
    finally:
        module.train(mode)
    if isinstance(output, tuple | list | dict):
        raise _unfit(name, f"returns {len(output)} outputs, but must return one tensor")
    if not isinstance(output, Tensor) or not output.is_floating_point():
        raise _unfit(name, f"returns {output!r:.60}, but must return one tensor of real numbers")
    if output.shape != (2, width):
        shape = tuple(output.shape)
        raise _unfit(name, f"returns a tensor {shape} for two images, but {meaning} are (2, {width}){way}")
    if not output.isfinite().all():
        raise _unfit(name, "returns values that are not finite for two random images")
    if not torch.equal(output, again):
        raise _unfit(name, "returns other values in a second call in eval mode: draw random numbers in training only")
    if _hides_gradient(output, images):
        rule = "no attack that follows gradients could find anything: remove no_grad, detach, round or sign"
        raise _unfit(name, f"has no gradient with respect to its images, so {rule}")


def _tried_images(image_shape: tuple[int, int, int]) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.rand(2, *image_shape, generator=generator).requires_grad_()


def _hides_gradient(output: Tensor, images: Tensor) -> bool:
    """Return whether the output depends on the images, but its gradient does not exist or is zero everywhere.

    A head that begins with zeros has no gradient either, and the same output for both images.
    """
    if torch.equal(output[0], output[1]):
        return False
    if not output.requires_grad:
        return True
    weights = torch.linspace(0.5, 1.5, output.numel()).view_as(output)
    (gradient,) = torch.autograd.grad((output * weights).sum(), images, allow_unused=True)
    return gradient is None or not bool(gradient.any())


def _unfit(name: str, fault: str) -> ConfigError:
    return ConfigError([("architecture", f"{name} {fault}")])
