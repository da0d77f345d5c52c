"""The classifiers: a backbone, a Gaussian bottleneck or none, and a linear head."""

from torch import nn

from training.config import ConfigError, TrialConfig
from training.models.bottleneck import Classifier, Gaussian, GaussianBottleneck, NoBottleneck, Point
from training.registry import ARCHITECTURES

__all__ = ["Classifier", "Gaussian", "GaussianBottleneck", "NoBottleneck", "Point", "build_model"]


def build_model(config: TrialConfig, num_classes: int, image_shape: tuple[int, int, int]) -> Classifier:
    """Build the classifier of `config`; its weights are drawn from torch's global generator.

    `image_shape` is (channels, height, width). Raise ConfigError if the architecture cannot process such images,
    or if the memory does not hold the model.
    """
    try:
        backbone, features = ARCHITECTURES[config.architecture].build(config.values, image_shape=image_shape)
    except ValueError as error:
        raise ConfigError([("architecture", str(error))]) from error
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
