"""How the value of a key is read from a file and checked: the fields of `TrialConfig`."""

import math
from collections.abc import Callable
from dataclasses import Field, dataclass, field
from fractions import Fraction
from typing import Any

from training.norms import L2, LINF, is_radius, radius_rule
from training.outside_code import PlugInError, is_outside
from training.registry import Registry


@dataclass(frozen=True)
class Rule:
    """How a value of a file becomes a field: `convert` accepts it or raises ValueError, and `holds` must be true.

    If the value is a registered name, `registry` knows the names.
    """

    text: str
    convert: Callable[[Any], Any]
    holds: Callable[[Any], bool]
    registry: Registry | None = None

    def read(self, value: Any) -> Any:
        """Return the converted value. Raise ValueError with the value and the rule if it is refused."""
        if self.registry is not None and is_outside(value):
            return self._from_outside(self.registry, value)
        try:
            converted = self.convert(value)
            if self.holds(converted):
                return converted
        except (ValueError, TypeError, ZeroDivisionError, OverflowError):
            pass
        raise ValueError(f"the value is {value!r}, but must be {self.description}")

    @staticmethod
    def _from_outside(registry: Registry, name: str) -> str:
        try:
            registry[name]
        except PlugInError as error:
            raise ValueError(f"the value is {name!r}, but {error}") from error
        return name

    @property
    def description(self) -> str:
        """What a value must be, for error messages."""
        return self.text if self.registry is None else f"one of {', '.join(self.registry)}, or MODULE:NAME of your own"


def _field(default: Any, text: str, convert: Callable[[Any], Any], holds: Callable[[Any], bool]) -> Any:
    return field(default=default, metadata={"rule": Rule(text, convert, holds)})


def _to_path_text(value: Any) -> str:
    """Return text unchanged. An empty value in YAML is None, and its text would name a folder "None"."""
    if not isinstance(value, str) or "\0" in value:
        raise TypeError(value)
    value.encode()  # UnicodeEncodeError, a ValueError: no file of results could hold a name that is not UTF-8
    return value


def number_from_text(text: str) -> float:
    """Return the number that a text such as "0.1" or "8/255" stands for. Raise ValueError if it is none."""
    try:
        if "_" in text:  # Python reads 1_000 as a number, YAML as a text
            raise ValueError(text)  # noqa: TRY301 - one message for all ways to be none
        return float(Fraction(text)) if "/" in text else float(text)
    except (ValueError, ZeroDivisionError, OverflowError) as error:
        raise ValueError(f"the value is {text!r}, but must be a number or a fraction such as 8/255") from error


def _to_float(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise TypeError(value)
    number = number_from_text(value) if isinstance(value, str) else float(value)
    if not math.isfinite(number):
        raise ValueError(value)
    return number


def _to_int(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float) or value != int(value):
        raise ValueError(value)
    return int(value)


def _to_floats(value: Any) -> tuple[float, ...]:
    return tuple(_to_float(item) for item in not_text(value))


def _to_ints(value: Any) -> tuple[int, ...]:
    return tuple(_to_int(item) for item in not_text(value))


def not_text(value: Any) -> Any:
    """Return the value unless it is text, whose characters would be the items of a list."""
    if isinstance(value, str | bytes):
        raise TypeError(value)
    return value


def _increases(values: tuple[float, ...]) -> bool:
    return list(values) == sorted(set(values))


def path(default: str) -> Any:
    return _field(default, "the path of a folder or file, in UTF-8", _to_path_text, lambda value: value != "")


def optional_path() -> Any:
    """Return a field with the path of a file, empty by default: no file."""
    return _field("", "the path of a file, in UTF-8, or empty", _to_path_text, lambda _: True)


def real(default: float, text: str, holds: Callable[[float], bool]) -> Any:
    return _field(default, f"a number {text}", _to_float, holds)


def whole(default: int, minimum: int) -> Any:
    return _field(default, f"an integer >= {minimum}", _to_int, lambda value: value >= minimum)


def choice(default: str, choices: tuple[str, ...]) -> Any:
    return _field(default, f"one of {', '.join(choices)}", str, lambda value: value in choices)


def milestones(default: tuple[float, ...]) -> Any:
    def holds(value: tuple[float, ...]) -> bool:
        return all(0 < v <= 1 for v in value) and _increases(value)

    return _field(default, "a list of increasing fractions in (0, 1]", _to_floats, holds)


def rates() -> Any:
    """Return a field of positive numbers, empty by default."""
    return _field((), "a list of numbers > 0", _to_floats, lambda value: all(v > 0 for v in value))


def epoch_numbers() -> Any:
    """Return a field of increasing epochs, counted from 1, empty by default."""

    def holds(value: tuple[int, ...]) -> bool:
        return all(epoch >= 1 for epoch in value) and _increases(value)

    return _field((), "a list of increasing integers >= 1", _to_ints, holds)


def strengths(default: tuple[float, ...]) -> Any:
    """Return a field of increasing shares of a radius, from 0 to 1."""

    def holds(value: tuple[float, ...]) -> bool:
        return value[:1] == (0,) and value[-1:] == (1,) and _increases(value)

    return _field(default, "a list of increasing numbers that begins with 0 and ends with 1", _to_floats, holds)


def choices_of(known: tuple[str, ...]) -> Any:
    """Return a field of one or several of `known`, all by default. A file lists them, or writes "A+B".

    The text form is for searches, whose categorical parameters are plain values. The order is that of `known`,
    so that it does not matter in a file.
    """

    def convert(value: Any) -> tuple[str, ...]:
        names = value.split("+") if isinstance(value, str) else list(value)
        if not names or len(set(names)) < len(names) or not set(names) <= set(known):
            raise ValueError(value)
        return tuple(name for name in known if name in names)

    text = f"a list of one or several of {', '.join(known)}, each at most once"
    return _field(known, text, convert, lambda _: True)


def like(default: Any) -> Any:
    """Return a field whose values are of the kind of its default, for a parameter of a function that says no more."""
    if isinstance(default, bool):
        return _field(default, "true or false", lambda value: value, lambda value: isinstance(value, bool))
    if isinstance(default, int):
        return _field(default, "an integer", _to_int, lambda _: True)
    if isinstance(default, float):
        return _field(default, "a number", _to_float, lambda _: True)
    if isinstance(default, str):
        return _field(default, "a text", lambda value: value, lambda value: isinstance(value, str))
    return _field(default, "a value", lambda value: value, lambda _: True)


def sourced(knob: Any, source: str) -> Any:
    """Return a knob that says where its default comes from, such as "Yu et al. 2023, Table 3"."""
    return field(default=knob.default, metadata={**knob.metadata, "source": source})


def length(knob: Any) -> Any:
    """Return a knob whose value is a distance between images, in the norm of the trial.

    Its default is one in l-infinity, so that `norm: l2` needs a value of its own.
    """
    return field(default=knob.default, metadata={**knob.metadata, "length": True})


def radius(knob: Any) -> Any:
    """Return a `length` that is the radius of a ball: with `norm: linf` it is at most 1."""
    return field(default=knob.default, metadata={**length(knob).metadata, "radius": True})


def norm_fault(each: Field[Any], value: Any, norm: Any, *, is_given: bool) -> str | None:
    """Return why a value that was read does not go with the `norm` of the trial; None if it does.

    `is_given` says whether the value is not the default.
    """
    if norm == L2 and each.metadata.get("length") and not is_given:
        return f"norm: {L2} needs a value of its own, because the default, {value:.4g}, is a distance in {LINF}"
    if norm == LINF and each.metadata.get("radius") and not is_radius(value, LINF):
        return f"the value is {value:g}, but must be {radius_rule(LINF)} with norm: {LINF}"
    return None


def positive(default: float) -> Any:
    return real(default, "> 0", lambda value: value > 0)


def not_negative(default: float) -> Any:
    return real(default, ">= 0", lambda value: value >= 0)


def share(default: float) -> Any:
    return real(default, "in [0, 1]", lambda value: 0 <= value <= 1)


def share_above_zero(default: float) -> Any:
    return real(default, "in (0, 1]", lambda value: 0 < value <= 1)
