"""The searched parameters of a space: ranges and choices, checked when they are read."""

import math
import warnings
from contextlib import suppress
from decimal import Decimal
from typing import Annotated, Any, Generic, Literal, Self, TypeVar

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    field_validator,
    model_serializer,
    model_validator,
)

from training.config.fields import number_from_text
from tuner.optuna_private import contains


def from_fraction(value: Any) -> Any:
    """Return the number of a fraction such as "8/255", as the keys of a trial may be written, and any other value."""
    return number_from_text(value) if isinstance(value, str) and "/" in value else value


Number = int | float
Real = Annotated[float, BeforeValidator(from_fraction)]
Bound = TypeVar("Bound", int, float)
# A range of real numbers is a multiple of its step if it misses one by less than this share of a step, as in Optuna.
_ROUNDING = 1e-8


def value_at(low: float, high: float, step: float, index: int) -> float:
    """Return value number `index` of a range with a step, with the digits that a reader expects: 0.3, not 3 * 0.1."""
    value = float(Decimal(repr(low)) + index * Decimal(repr(step)))
    return high if abs(high - value) < _ROUNDING * step else value


def _listed(value: Any) -> Any:
    return value if isinstance(value, list | dict) else [value]


class Part(BaseModel):
    """A part of a space file: frozen, and an unknown key is a fault."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False, allow_inf_nan=False)


class _Searched(Part):
    """What every searched parameter may have.

    `key` is the key of a configuration that the parameter sets; None for the key with the parameter's name. `when` is
    its condition: other parameters, or fixed keys of a trial, and the values that they must have.
    """

    key: str | None = None
    when: dict[str, Annotated[list[Number | str], BeforeValidator(_listed), Field(min_length=1)]] = Field(
        default_factory=dict
    )

    @model_serializer(mode="wrap")
    def _without_idle_keys(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave keys out that have no effect, so that a printed space is no longer than its file."""
        kept = {key: value for key, value in handler(self).items() if value is not None and value != {}}
        return dict(sorted(kept.items(), key=lambda item: item[0] in {"key", "when"}))


class _Range(_Searched, Generic[Bound]):
    low: Bound
    high: Bound
    log: bool = False
    step: Annotated[Bound, Field(gt=0)] | None = None

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.low >= self.high:
            raise ValueError(f"low is {self.low:g} and high is {self.high:g}, but low must be below high")
        if self.log and self.low <= 0:
            raise ValueError(f"low is {self.low:g}, but must be above 0 on a logarithmic scale (log: true)")
        return self

    @model_validator(mode="after")
    def _whole_steps(self) -> Self:
        if self.step is None:
            return self
        if self.log:
            raise ValueError(f"step is {self.step:g}, but a logarithmic scale has no steps; remove step or log: true")
        steps = (self.high - self.low) / self.step
        if abs(steps - round(steps)) > _ROUNDING:
            reached = value_at(self.low, self.high, self.step, math.floor(steps))
            raise ValueError(
                f"the range from {self.low:g} to {self.high:g} is no multiple of the step {self.step:g}; its "
                f"last value would be {reached:g}"
            )
        return self

    def extremes(self) -> dict[str, Any]:
        """Return the values that are checked against the rules of the trainer, by their key in the file."""
        return {"low": self.low, "high": self.high}

    @property
    def text(self) -> str:
        """The range in words, as in "0.5 to 2 in steps of 0.5"."""
        scale = ", logarithmic" if self.log else ""
        return f"{self.low:g} to {self.high:g}{scale}{self._steps}"

    @property
    def _steps(self) -> str:
        return "" if self.step is None else f" in steps of {self.step:g}"


class FloatParameter(_Range[Real]):
    """A real number in [low, high]; with a step, one of low, low + step, ..., high."""

    type: Literal["float"]

    @property
    def count(self) -> int | None:
        """The number of values; None without a step."""
        return None if self.step is None else round((self.high - self.low) / self.step) + 1

    def values(self) -> list[Any]:
        """Return all values of a range with a step; an empty list without one."""
        if self.count is None or self.step is None:
            return []
        return [value_at(self.low, self.high, self.step, index) for index in range(self.count)]

    def nearest(self, value: float) -> float:
        """Return the value of a range with a step that `value` differs from by rounding only, else `value` itself."""
        if self.step is None:
            return value
        found = value_at(self.low, self.high, self.step, round((value - self.low) / self.step))
        return found if abs(found - value) < _ROUNDING * self.step else value

    def distribution(self) -> BaseDistribution:
        """Return Optuna's form of this range."""
        if self.count is None or self.step is None:
            return FloatDistribution(self.low, self.high, log=self.log)
        with warnings.catch_warnings():
            # Optuna computes in decimals. If 8/255 is no multiple of 1/255 there, it warns and drops the last step.
            warnings.simplefilter("ignore")
            found = FloatDistribution(self.low, self.high, step=self.step)
        found.high = self.high
        return found

    @property
    def rule(self) -> str:
        """What a value must be, for error messages."""
        return f"a number from {self.low:g} to {self.high:g}{self._steps}"


class IntParameter(_Range[int]):
    """An integer in [low, high]; with a step, one of low, low + step, ..., high."""

    type: Literal["int"]

    @property
    def count(self) -> int:
        """The number of values."""
        return (self.high - self.low) // (self.step or 1) + 1

    def values(self) -> list[Any]:
        """Return all values."""
        return list(range(self.low, self.high + 1, self.step or 1))

    def distribution(self) -> BaseDistribution:
        """Return Optuna's form of this range."""
        return IntDistribution(self.low, self.high, log=self.log, step=self.step or 1)

    @property
    def rule(self) -> str:
        """What a value must be, for error messages."""
        return f"an integer from {self.low} to {self.high}{self._steps}"


class CategoricalParameter(_Searched):
    """One of a list of numbers or of names."""

    type: Literal["categorical"]
    choices: Annotated[list[Number] | list[str], Field(min_length=2)]

    @field_validator("choices", mode="before")
    @classmethod
    def _alike(cls, choices: Any) -> Any:
        kinds = {type(choice) for choice in choices} if isinstance(choices, list) else set()
        if kinds & {int, float} and str in kinds:  # a fraction among numbers is a number
            with suppress(ValueError):
                choices = list(map(from_fraction, choices))
                kinds = set(map(type, choices))
        if not (kinds <= {int, float} or kinds == {str}):
            boolean = "no key of a trial is a boolean, so leave true and false out"
            hint = boolean if bool in kinds else "quotes make a name of a number"
            raise ValueError(f"choices are {choices}, but must be all numbers or all names; {hint}")
        return choices

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        if len(set(self.choices)) < len(self.choices):
            raise ValueError(f"choices are {self.choices}, but must be distinct")
        return self

    @property
    def count(self) -> int:
        """The number of choices."""
        return len(self.choices)

    @property
    def text(self) -> str:
        """The choices in words."""
        return self.rule

    def values(self) -> list[Any]:
        """Return the choices."""
        return list(self.choices)

    def distribution(self) -> BaseDistribution:
        """Return Optuna's form of these choices."""
        return CategoricalDistribution(self.choices)

    @property
    def rule(self) -> str:
        """What a value must be, for error messages."""
        return f"one of {', '.join(map(str, self.choices))}"

    def extremes(self) -> dict[str, Any]:
        """Return the values that are checked against the rules of the trainer, by their key in the file."""
        return {f"choices.{index}": choice for index, choice in enumerate(self.choices)}


def value_fault(parameter: "Parameter", value: Any) -> str | None:
    """Return why `value` is no value of a parameter, as "VALUE, but must be ...", or None if it is one.

    Optuna takes "4" and True for numbers when a trial starts, but reads them as 4 and 1 later.
    """
    is_text = parameter.type != "categorical" and isinstance(value, str)
    if not is_text and not isinstance(value, bool) and contains(parameter.distribution(), value):
        return None
    hint = ", not text; remove the quotes" if is_text and "/" not in value else ""
    return f"{value!r}, but must be {parameter.rule}{hint}"


Parameter = Annotated[FloatParameter | IntParameter | CategoricalParameter, Field(discriminator="type")]
