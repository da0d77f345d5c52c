"""The searched parameters of a space: ranges and choices, checked when they are read."""

from typing import Annotated, Any, Generic, Literal, Self, TypeVar

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from training.config.fields import number_from_text
from tuner.optuna_private import contains


def from_fraction(value: Any) -> Any:
    """Return the number of a fraction such as "8/255", as the keys of a trial may be written, and any other value."""
    return number_from_text(value) if isinstance(value, str) and "/" in value else value


Number = int | float
Real = Annotated[float, BeforeValidator(from_fraction)]
Bound = TypeVar("Bound", int, float)


class Part(BaseModel):
    """A part of a space file: frozen, and an unknown key is a fault."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False, allow_inf_nan=False)


class _Range(Part, Generic[Bound]):
    low: Bound
    high: Bound
    log: bool = False

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.low >= self.high:
            raise ValueError(f"low is {self.low:g} and high is {self.high:g}, but low must be below high")
        if self.log and self.low <= 0:
            raise ValueError(f"low is {self.low:g}, but must be above 0 on a logarithmic scale (log: true)")
        return self

    def extremes(self) -> dict[str, Any]:
        """Return the values that are checked against the rules of the trainer, by their key in the file."""
        return {"low": self.low, "high": self.high}


class FloatParameter(_Range[Real]):
    """A real number in [low, high]."""

    type: Literal["float"]

    def distribution(self) -> BaseDistribution:
        """Return Optuna's form of this range."""
        return FloatDistribution(self.low, self.high, log=self.log)

    @property
    def rule(self) -> str:
        """What a value must be, for error messages."""
        return f"a number from {self.low:g} to {self.high:g}"


class IntParameter(_Range[int]):
    """An integer in [low, high]."""

    type: Literal["int"]

    def distribution(self) -> BaseDistribution:
        """Return Optuna's form of this range."""
        return IntDistribution(self.low, self.high, log=self.log)

    @property
    def rule(self) -> str:
        """What a value must be, for error messages."""
        return f"an integer from {self.low} to {self.high}"


class CategoricalParameter(Part):
    """One of a list of numbers or of names."""

    type: Literal["categorical"]
    choices: Annotated[list[Number] | list[str], Field(min_length=2)]

    @field_validator("choices", mode="before")
    @classmethod
    def _alike(cls, choices: Any) -> Any:
        kinds = {type(choice) for choice in choices} if isinstance(choices, list) else set()
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
