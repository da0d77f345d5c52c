"""Accuracies in [0, 1] on the validation images."""

from typing import TYPE_CHECKING

from training.config.metrics import Measure
from training.registry import METRICS

if TYPE_CHECKING:  # tables need the units of these metrics, and torch takes seconds to import
    from torch import Tensor

_SHARE = Measure("%", "maximize")


@METRICS.register("natural_accuracy", facts=_SHARE)
def natural_accuracy(labels: "Tensor", predictions: "Tensor") -> float:
    """Return the share of images that are classified correctly."""
    return int((predictions == labels).sum()) / len(labels)


@METRICS.register("pgd_accuracy", facts=_SHARE)
def pgd_accuracy(labels: "Tensor", predictions: "Tensor", adversarial_predictions: "Tensor") -> float:
    """Return the share of images that are classified correctly both clean and under PGD.

    So it is at most the natural accuracy: an attack that corrects an error does not count.
    """
    return int(_robust(labels, predictions, adversarial_predictions).sum()) / len(labels)


@METRICS.register("robust_accuracy", facts=_SHARE)
def robust_accuracy(
    labels: "Tensor", predictions: "Tensor", adversarial_predictions: "Tensor", margin_predictions: "Tensor"
) -> float:
    """Return the share of images that are classified correctly clean, under PGD, and under PGD on the logit margin.

    So it is at most the PGD accuracy. The second attack has the same steps and starts. It finds errors where a flat
    cross-entropy hides its gradient (Croce and Hein 2020, arXiv:2003.01690).
    """
    robust = _robust(labels, predictions, adversarial_predictions) & (margin_predictions == labels)
    return int(robust.sum()) / len(labels)


@METRICS.register("worst_class_pgd_accuracy", facts=_SHARE)
def worst_class_pgd_accuracy(labels: "Tensor", predictions: "Tensor", adversarial_predictions: "Tensor") -> float:
    """Return the smallest PGD accuracy of a class, among the classes that the images have."""
    robust = _robust(labels, predictions, adversarial_predictions)
    return min(int(robust[of_class].sum()) / int(of_class.sum()) for of_class in map(labels.eq, set(labels.tolist())))


def _robust(labels: "Tensor", predictions: "Tensor", adversarial_predictions: "Tensor") -> "Tensor":
    return (predictions == labels) & (adversarial_predictions == labels)
