"""How names and numbers are written: the same in every table, file for reading and figure."""

import math
from typing import Any

ABBREVIATIONS = {"pgd": "PGD", "fgsm": "FGSM", "kl": "KL", "hsic": "HSIC", "autoattack": "AutoAttack"}
ACCURACY_SUFFIX = "_accuracy"
MISSING = "–"


def is_accuracy(name: str) -> bool:
    """Tell whether a metric is a share in [0, 1] that is shown in per cent: `*_accuracy`."""
    return name.endswith(ACCURACY_SUFFIX)


def metric_label(name: str) -> str:
    """Name a metric with its unit for an axis: `pgd_accuracy` is "PGD accuracy (%)"."""
    return f"{_in_words(name)} (%)" if is_accuracy(name) else _in_words(name)


def metric_heading(name: str) -> str:
    """Name a metric with its unit for a narrow column: `pgd_accuracy` is "PGD %"."""
    return f"{_in_words(name.removesuffix(ACCURACY_SUFFIX))} %" if is_accuracy(name) else _in_words(name)


def displayed(name: str, value: float) -> float:
    """Bring a metric to the unit that its label names: accuracies from [0, 1] to per cent."""
    return 100 * value if is_accuracy(name) else value


def format_metric(name: str, value: float | None) -> str:
    """Write a metric without its unit: accuracies in per cent with two decimals, else four digits."""
    if value is None or math.isnan(value):
        return MISSING
    return f"{displayed(name, value):.2f}" if is_accuracy(name) else format_value(value)


def finite_or_none(value: float | None) -> float | None:
    """Give None for a NaN or an infinity, which JSON does not know."""
    return value if value is not None and math.isfinite(value) else None


def in_a_sentence(name: str, value: float | None) -> str:
    """Write a metric with its name and unit: "Natural 98.33 %"."""
    unit = " %" if is_accuracy(name) else ""
    return f"{_in_words(name.removesuffix(ACCURACY_SUFFIX))} {format_metric(name, value)}{unit}"


def counted(count: int, noun: str) -> str:
    """Write a number of things: "1 epoch", "2 epochs"."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def last_line(text: str | None) -> str:
    """Give the last line of a traceback or a message, which says what happened."""
    return ((text or "").strip().splitlines() or ["no message"])[-1]


def format_value(value: Any) -> str:
    """Write the value of a parameter: four significant digits for a float, whatever it is otherwise."""
    if value is None:
        return MISSING
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _in_words(name: str) -> str:
    words = [ABBREVIATIONS.get(word, word) for word in name.split("_")]
    return " ".join([words[0][:1].upper() + words[0][1:], *words[1:]])
