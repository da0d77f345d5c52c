"""Fractions such as "8/255" in points and in conditions: numbers where a parameter is one, otherwise names."""

from collections.abc import Mapping
from typing import Any

from tuner.space.parameters import Parameter, from_fraction


def number_or_text(value: Any) -> Any:
    """Return the number of a fraction, and any other value as it is, such as a text with a slash."""
    try:
        return from_fraction(value)
    except ValueError:
        return value


def with_numbers(point: Mapping[str, Any], parameters: Mapping[str, Parameter]) -> dict[str, Any]:
    """Return a point with numbers in the place of the fractions of parameters that are real numbers."""
    return {
        name: number_or_text(value) if name in parameters and _takes_numbers(parameters[name]) else value
        for name, value in point.items()
    }


def with_numbers_in_conditions(parameters: Mapping[str, Parameter]) -> dict[str, Parameter]:
    """Return parameters whose conditions have the values of the parameters that they name, to the last digit.

    A condition compares digits: 0.1 + 2 * 0.1 would never be 0.3.
    """

    def valued(other: str, value: Any) -> Any:
        parameter = parameters.get(other)
        number = number_or_text(value) if parameter is not None and _takes_numbers(parameter) else value
        is_number = isinstance(number, int | float) and not isinstance(number, bool)
        return (
            parameter.nearest(number) if parameter is not None and parameter.type == "float" and is_number else number
        )

    return {
        name: parameter.model_copy(
            update={
                "when": {other: [valued(other, value) for value in values] for other, values in parameter.when.items()}
            }
        )
        for name, parameter in parameters.items()
    }


def _takes_numbers(parameter: Parameter) -> bool:
    """Return whether a fraction stands for a value of a parameter."""
    return parameter.type == "float" or (parameter.type == "categorical" and not isinstance(parameter.choices[0], str))
