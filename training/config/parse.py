"""From the keys of a file to a checked configuration. All faults of a file are reported at once."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from training.config.conflicts import conflicts
from training.config.trial import ConfigError, TrialConfig, file_key
from training.nearest_names import unknown_key


def parse_trial(values: Mapping[str, Any]) -> TrialConfig:
    """Return the configuration with these keys (`lambda`, not `lam`); raise ConfigError with all faults."""
    checked, problems = _checked(values)
    if problems:
        raise ConfigError(problems)
    config = TrialConfig(**checked)
    problems = conflicts(config)
    if problems:
        raise ConfigError(problems)
    return config


def field_problems(values: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return (key, message) for each key or value that is wrong by itself, whatever the others are."""
    _, problems = _checked(values)
    return problems


def _checked(values: Mapping[str, Any]) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """Return the converted fields that are right by themselves, and (key, message) for the others."""
    rules = {file_key(f.name): (f.name, f.metadata["rule"]) for f in fields(TrialConfig)}
    checked: dict[str, Any] = {}
    problems = []
    for key, value in values.items():
        if key not in rules:
            problems.append((str(key), unknown_key(str(key), rules)))
            continue
        name, rule = rules[key]
        try:
            converted = rule.convert(value)
            if not rule.holds(converted):
                raise ValueError(value)  # noqa: TRY301 - one message for both ways to be wrong
        except (ValueError, TypeError, ZeroDivisionError, OverflowError):
            problems.append((key, f"the value is {value!r}, but must be {rule.text}"))
        else:
            checked[name] = converted
    return checked, problems
