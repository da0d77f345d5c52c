"""How names, numbers and tables are written in every table, text file and figure."""

import math
from typing import Any, NamedTuple

from training.config import ACCURACY_SUFFIX, is_accuracy, unit_of

ABBREVIATIONS = {"pgd": "PGD", "fgsm": "FGSM", "kl": "KL", "hsic": "HSIC", "gpu": "GPU", "autoattack": "AutoAttack"}
_MISSING = "–"
# Above it floating-point numbers are whole by themselves.
_MOST_WHOLE = 1e12


class TextTable(NamedTuple):
    """A table of text cells: headings, and rows with a cell for each heading."""

    headings: list[str]
    rows: list[list[str]]


def metric_label(name: str) -> str:
    """Return a metric's name and unit for an axis: "PGD accuracy (%)" for `pgd_accuracy`."""
    unit = _unit_beside(name)
    return f"{_in_words(name)} ({unit})" if unit else _in_words(name)


def metric_heading(name: str) -> str:
    """Return a metric's name and unit for a narrow column: "PGD %" for `pgd_accuracy`."""
    return f"{_in_words(name.removesuffix(ACCURACY_SUFFIX))} {_unit_beside(name)}".rstrip()


def to_shown_unit(name: str, value: float) -> float:
    """Return a metric in the unit of its label: accuracies from [0, 1] in per cent."""
    return 100 * value if is_accuracy(name) else value


def format_metric(name: str, value: float | None) -> str:
    """Return a metric as text without its unit: a share in per cent with two decimals, else four digits.

    Whole numbers, such as counts, have all their digits.
    """
    if value is None or math.isnan(value):
        return _MISSING
    if is_accuracy(name):
        return f"{to_shown_unit(name, value):.2f}"
    return f"{value:,.0f}" if abs(value) < _MOST_WHOLE and value == round(value) else format_value(float(value))


def format_mean(name: str, mean: float | None, deviation: float | None) -> str:
    """Return a mean as `format_metric` does, with its standard deviation if there is one: "85.00 ± 7.07"."""
    shown = format_metric(name, mean)
    no_deviation = deviation is None or math.isnan(deviation)
    return shown if no_deviation else f"{shown} ± {format_metric(name, deviation)}"


def format_volume(volume: float) -> str:
    """Return a hypervolume as text: four decimals below 10, else five digits, of which all whole ones are kept."""
    if abs(volume) >= _MOST_WHOLE:
        return f"{volume:.5g}"
    decimals = 4 - math.floor(math.log10(max(1.0, abs(volume))))
    return f"{volume:,.{max(0, decimals)}f}"


def finite_or_none(value: float | None) -> float | None:
    """Return None for NaN and infinities, which JSON does not have."""
    return value if value is not None and math.isfinite(value) else None


def metric_with_unit(name: str, value: float | None) -> str:
    """Return a metric with its name and unit: "Natural 98.33 %"."""
    return f"{_in_words(name.removesuffix(ACCURACY_SUFFIX))} {value_with_unit(name, value)}"


def value_with_unit(name: str, value: float | None) -> str:
    """Return a metric with its unit: "98.33 %"."""
    return f"{format_metric(name, value)} {unit_of(name)}".rstrip()


def count_of(count: int, noun: str) -> str:
    """Return a count with its noun: "1 epoch", "2 epochs"."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def format_bytes(count: int) -> str:
    """Return a number of bytes as text: 512 B, 1.5 MB, 20 GB."""
    size, units = float(count), iter(("B", "kB", "MB", "GB", "TB"))
    unit = next(units)
    while size >= 999.5 and unit != "TB":
        size, unit = size / 1000, next(units)
    return f"{size:.3g} {unit}"


def last_line(text: str | None) -> str:
    """Return the last line of a traceback or message, which says what happened."""
    return ((text or "").strip().splitlines() or ["no message"])[-1]


def format_value(value: Any) -> str:
    """Return the value of a parameter as text: a float with four significant digits, anything else unchanged."""
    if value is None:
        return _MISSING
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def noun_of(name: str) -> str:
    """Return a metric's name inside a sentence: "PGD accuracy". Of `module:attribute` it is the attribute."""
    return " ".join(ABBREVIATIONS.get(word, word) for word in name.rpartition(":")[2].split("_"))


def _unit_beside(name: str) -> str:
    """Return the unit that stands beside the name, nothing if the name says it."""
    return "" if name.endswith("seconds") else unit_of(name)


def _in_words(name: str) -> str:
    words = noun_of(name).split(" ")
    return " ".join([words[0][:1].upper() + words[0][1:], *words[1:]])
