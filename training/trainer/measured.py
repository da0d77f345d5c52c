"""Metrics as a trial computes them: each is called with what it asks for, and must return one finite number."""

import math
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from training.attacks import frozen
from training.attacks.finite_logits import classes_of
from training.compute.numerics import exact_float32
from training.compute.random_streams import preserved_randomness
from training.compute.untouched_model import ModelChangedError, untouched
from training.config import ConfigError, TrialConfig, is_accuracy
from training.data import ImageSet
from training.data.augment import to_unit
from training.explained_error import ExplainedError
from training.outside_code import is_outside
from training.registry import METRICS
from training.registry_entry import Entry

# One seed for all trials and epochs: all trials are attacked from the same starts, and a restored trial repeats its
# values whatever was evaluated before.
MEASURING_SEED = 20_23
_TRIED = 2


class Seen(NamedTuple):
    """Labels and predictions of the validation images, (n,) int64 each, and what else a metric asks for.

    `margin_predictions` are for images of PGD on the margin of the logits, in place of the cross-entropy. Images are
    (n, channels, height, width), float32 in [0, 1]; the adversarial ones are those of PGD on the cross-entropy. What no
    metric asks for is None.
    """

    labels: Tensor
    predictions: Tensor
    adversarial_predictions: Tensor
    margin_predictions: Tensor | None
    images: Tensor | None
    adversarial_images: Tensor | None

    def part(self, part: slice) -> "Seen":
        """Return the same of a part of the images."""

        def cut(values: Tensor | None) -> Tensor | None:
            return None if values is None else values[part]

        return Seen(
            labels=self.labels[part],
            predictions=self.predictions[part],
            adversarial_predictions=self.adversarial_predictions[part],
            margin_predictions=cut(self.margin_predictions),
            images=cut(self.images),
            adversarial_images=cut(self.adversarial_images),
        )


class MetricError(ExplainedError):
    """A metric from outside the project raised an error, or returned something else than one finite number."""


def asks_for(names: Iterable[str], offered: str) -> bool:
    """Return whether one of the metrics asks for what is offered under this name."""
    return any(offered in METRICS[name].asked for name in names)


def depends_on_images(name: str) -> bool:
    """Return whether a metric asks for images, labels or predictions: its value differs on other images."""
    return any(asks_for([name], offered) for offered in Seen._fields)


def measured(names: Iterable[str], config: TrialConfig, offered: Mapping[str, Any]) -> dict[str, float]:
    """Return the values of metrics by name, each called with what it asks for of `offered`.

    All global random states stay as they were. Raise MetricError if a metric from outside the project is unfit.
    """
    device = offered["device"]
    found = {}
    for name in names:
        with preserved_randomness(device):
            torch.manual_seed(MEASURING_SEED)
            generator = torch.Generator(device).manual_seed(MEASURING_SEED)
            found[name] = _value(METRICS[name], name, {"values": config.values, "generator": generator, **offered})
    return found


def try_metrics(config: TrialConfig, model: nn.Module, images: ImageSet) -> None:
    """Call the metrics from outside the project on two images, clean ones in the place of attacked ones.

    Raise ConfigError with the sentence about each unfit one.
    """
    unknown = [name for name in config.metrics if not METRICS[name].is_own]
    if not unknown or len(images) == 0:
        return
    clean, labels = to_unit(images.images[:_TRIED]), images.labels[:_TRIED]
    problems = []
    with exact_float32(), frozen(model):
        with torch.no_grad():
            predictions = classes_of(model(clean))
        seen = Seen(labels, predictions, predictions, predictions, clean, clean)
        offered = offered_values(model, config, seen)
        for name in unknown:
            try:
                measured([name], config, offered)
            except MetricError as error:
                problems.append((f"metrics.{name}", str(error)))
    if problems:
        raise ConfigError(problems)


def offered_values(model: nn.Module, config: TrialConfig, seen: Seen) -> dict[str, Any]:
    """Return what metrics may ask for, by name."""
    device = seen.labels.device
    return {**seen._asdict(), "model": model, "device": device, "batch_size": config.eval_batch_size}


def _value(entry: Entry, name: str, offered: Mapping[str, Any]) -> float:
    try:
        returned = _called(entry, offered)
    except ModelChangedError as error:
        raise _unfit(entry, name, f"changed {error} of the model", len(offered["labels"])) from error
    except Exception as error:
        if entry.is_own or isinstance(error, torch.OutOfMemoryError):
            raise
        reason = f"{type(error).__name__}: {' '.join(str(error).split())}".removesuffix(": ")
        raise _unfit(entry, name, f"failed with {reason}", len(offered["labels"])) from error
    shape = tuple(getattr(returned, "shape", ()))
    if math.prod(shape) != 1:
        raise _unfit(entry, name, f"returned values of shape {shape}", len(offered["labels"]))
    value = returned.item() if hasattr(returned, "item") else returned
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise _unfit(entry, name, f"returned {value!r:.60}", len(offered["labels"]))
    if is_accuracy(name) and not 0 <= value <= 1:
        raise _unfit(entry, name, f"returned {value:.6g}", len(offered["labels"]), "a share from 0 to 1")
    return float(value)


def _called(entry: Entry, offered: Mapping[str, Any]) -> Any:
    """Call a metric; one from outside gets copies of what it asks for, and must not change the model."""
    given = {key: value for key, value in offered.items() if key != "values"}
    if entry.is_own:
        return entry.build(offered["values"], **given)
    copies = {k: v.clone() for k, v in given.items() if k in entry.asked and isinstance(v, Tensor)}
    with untouched(offered["model"]):
        return entry.build(offered["values"], **{**given, **copies})


def _unfit(entry: Entry, name: str, fault: str, images: int, rule: str = "one finite number") -> MetricError:
    where = f"{name} in {entry.file}" if is_outside(name) else f"{name} ({entry.file})"
    return MetricError(f"the metric {where} {fault} for {images} images, but must return {rule}", name)
