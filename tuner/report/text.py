"""How names, numbers and tables are written in every table, text file and figure."""

import math
from typing import Any, NamedTuple

from training.config import ACCURACY_SUFFIX, is_accuracy

ABBREVIATIONS = {"pgd": "PGD", "fgsm": "FGSM", "kl": "KL", "hsic": "HSIC", "autoattack": "AutoAttack"}
_MISSING = "–"


class TextTable(NamedTuple):
    """A table of text cells: headings, and rows with a cell for each heading."""

    headings: list[str]
    rows: list[list[str]]


def metric_label(name: str) -> str:
    """Return a metric's name and unit for an axis: "PGD accuracy (%)" for `pgd_accuracy`."""
    return f"{_in_words(name)} (%)" if is_accuracy(name) else _in_words(name)


def metric_heading(name: str) -> str:
    """Return a metric's name and unit for a narrow column: "PGD %" for `pgd_accuracy`."""
    return f"{_in_words(name.removesuffix(ACCURACY_SUFFIX))} %" if is_accuracy(name) else _in_words(name)


def to_shown_unit(name: str, value: float) -> float:
    """Return a metric in the unit of its label: accuracies from [0, 1] in per cent."""
    return 100 * value if is_accuracy(name) else value


def format_metric(name: str, value: float | None) -> str:
    """Return a metric as text without its unit: an accuracy in per cent with two decimals, else four digits."""
    if value is None or math.isnan(value):
        return _MISSING
    return f"{to_shown_unit(name, value):.2f}" if is_accuracy(name) else format_value(value)


def format_mean(name: str, mean: float | None, deviation: float | None) -> str:
    """Return a mean as `format_metric` does, with its standard deviation if there is one: "85.00 ± 7.07"."""
    shown = format_metric(name, mean)
    no_deviation = deviation is None or math.isnan(deviation)
    return shown if no_deviation else f"{shown} ± {format_metric(name, deviation)}"


def finite_or_none(value: float | None) -> float | None:
    """Return None for NaN and infinities, which JSON does not have."""
    return value if value is not None and math.isfinite(value) else None


def metric_with_unit(name: str, value: float | None) -> str:
    """Return a metric with its name and unit: "Natural 98.33 %"."""
    unit = " %" if is_accuracy(name) else ""
    return f"{_in_words(name.removesuffix(ACCURACY_SUFFIX))} {format_metric(name, value)}{unit}"


def count_of(count: int, noun: str) -> str:
    """Return a count with its noun: "1 epoch", "2 epochs"."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def last_line(text: str | None) -> str:
    """Return the last line of a traceback or message, which says what happened."""
    return ((text or "").strip().splitlines() or ["no message"])[-1]


def format_value(value: Any) -> str:
    """Return the value of a parameter as text: a float with four significant digits, anything else unchanged."""
    if value is None:
        return _MISSING
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _in_words(name: str) -> str:
    words = [ABBREVIATIONS.get(word, word) for word in name.split("_")]
    return " ".join([words[0][:1].upper() + words[0][1:], *words[1:]])
