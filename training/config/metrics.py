"""What the numbers of a trial mean: their units, their better direction, and which ones a trial reports by itself.

The metrics of the project are registered in `training/metrics`. The unit of any other name is that of its ending:
`_accuracy` and `_share` are shares in [0, 1] that are shown in per cent, `_seconds` are seconds.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from training.nearest_names import did_you_mean
from training.outside_code import PlugInError, is_outside
from training.registry import METRICS

# What every trial reports. It computes other metrics if its key `metrics` names them.
ALWAYS_REPORTED = ("natural_accuracy", "pgd_accuracy", "seconds")
# The two by which trials are chosen and described.
ACCURACIES = ALWAYS_REPORTED[:2]
# With `select: best` a trial also reports the PGD accuracy on the half of the images that chooses the epoch, the chosen
# epoch, and with this prefix the metrics of the epoch itself; those without it are of the chosen epoch.
SELECTION, BEST_EPOCH, LAST = "selection_accuracy", "best_epoch", "last/"
# With `eval_early_attack_steps` a trial also reports of how many steps the attack of an evaluation was.
ATTACK_STEPS = "pgd_steps"
ACCURACY_SUFFIX = "_accuracy"
_SHARES = (ACCURACY_SUFFIX, "_share")
# What noise of a small validation set adds to the chance level: half of it, but at most 5 points.
_NOISE, _MOST_NOISE = 0.5, 0.05


@dataclass(frozen=True)
class Measure:
    """What a metric of the project measures: its unit, as tables show it, and which direction is better.

    With `of_configuration` it follows from the configuration alone: another seed cannot change it.
    """

    unit: str
    direction: Literal["maximize", "minimize"]
    of_configuration: bool = False


def unit_of(name: str) -> str:
    """Return the unit in which a metric is shown: "%", "s", "MiB", or an empty text for a plain number."""
    if is_accuracy(name):
        return "%"
    own = METRICS.own(name)
    if own is not None:
        return str(own.facts.unit)
    return "s" if name.endswith("_seconds") else ""


def varies_with_seed(name: str) -> bool:
    """Return whether another seed may change a metric; all metrics of your own may vary."""
    own = METRICS.own(name)
    return own is None or not own.facts.of_configuration


def usual_direction(name: str) -> Literal["maximize", "minimize"]:
    """Return the better direction of a metric of the project; a metric of your own is maximised."""
    own = METRICS.own(name)
    return "maximize" if own is None else own.facts.direction


def metric_fault(name: str) -> str | None:
    """Return why a trial cannot report a metric: there is none of this name, or code from outside is unfit."""
    if is_outside(name):
        try:
            METRICS[name]
        except PlugInError as error:
            return str(error)
        return None
    if name in METRICS:
        return None
    known = f"the known ones are {', '.join(METRICS)}, and MODULE:NAME of your own"
    return f"there is no metric {name}; {did_you_mean(name, METRICS) or known}"


def computed_metrics(names: Iterable[str]) -> tuple[str, ...]:
    """Return those of some metrics that a trial computes only if its key `metrics` names them, each once."""
    return tuple(name for name in dict.fromkeys(names) if name not in ALWAYS_REPORTED)


def is_accuracy(name: str) -> bool:
    """Return whether a metric is a share in [0, 1] that is shown in per cent: `*_accuracy` and `*_share`."""
    return name.endswith(_SHARES)


def is_chance_level(natural_accuracy: float, classes: int) -> bool:
    """Return whether a natural accuracy is about that of guessing one of so many classes."""
    chance = 1 / classes
    return natural_accuracy <= chance + min(_NOISE * chance, _MOST_NOISE)


def share_fault(name: str, value: float) -> str | None:
    """Return what is wrong with `value` as a bound of the metric `name`, or None if it may be one."""
    if not is_accuracy(name) or 0 <= value <= 1:
        return None
    way = f"write {value / 100:g} for {value:g} %" if 1 < value <= 100 else "0.8 is 80 %"
    return f"a share goes from 0 to 1: {way}"
