"""The classifiers: a backbone, a Gaussian bottleneck or none, and a linear head."""

from torch import nn

from training.config import ConfigError, TrialConfig
from training.models.bottleneck import Classifier, Gaussian, GaussianBottleneck, Logits, NoBottleneck, Point
from training.models.network import build_network

__all__ = ["Classifier", "Gaussian", "GaussianBottleneck", "NoBottleneck", "Point", "build_model"]


def build_model(config: TrialConfig, num_classes: int, image_shape: tuple[int, int, int]) -> Classifier:
    """Build the classifier of `config`; its weights are drawn from torch's global generator.

    `image_shape` is (channels, height, width). Raise ConfigError if the architecture cannot process such images, if
    its network is unfit (see `build_network`), or if the memory does not hold the model.
    """
    backbone, features = build_network(config.architecture, config.values, num_classes, image_shape)
    if features is None:
        if config.bottleneck:
            way_out = "set bottleneck: 0, or let the architecture return (network, number of features)"
            fault = f"{config.architecture} returns logits, on which no bottleneck can be put; {way_out}"
            raise ConfigError([("bottleneck", f"the value is {config.bottleneck}, but {fault}")])
        return Classifier(backbone, NoBottleneck(), Logits(num_classes))
    if config.bottleneck == 0:
        return Classifier(backbone, NoBottleneck(), nn.Linear(features, num_classes))
    try:
        bottleneck = GaussianBottleneck(
            features, config.bottleneck, sigma_bias=config.sigma_bias, sigma_floor=config.sigma_floor
        )
        head = nn.Linear(config.bottleneck, num_classes)
    except (RuntimeError, TypeError) as error:  # more than the memory, or more than 64 bits can count
        rule = "smaller: the memory does not hold such a model"
        raise ConfigError([("bottleneck", f"the value is {config.bottleneck}, but must be {rule}")]) from error
    return Classifier(backbone, bottleneck, head)
