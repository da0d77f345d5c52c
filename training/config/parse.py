"""From the keys of a file to a checked configuration. All faults of a file are reported at once."""

from collections.abc import Mapping
from dataclasses import Field, dataclass, field
from typing import Any

from training.config.conflicts import conflicts
from training.config.fields import norm_fault
from training.config.trial import ConfigError, TrialConfig, own_fields, trial_keys
from training.nearest_names import unknown_key
from training.norms import LINF
from training.outside_sources import Source, sources_of
from training.registry import REGISTRIES, Registry, file_key, name_in_code, outside_modules
from training.registry_entry import Problems


def parse_trial(values: Mapping[str, Any]) -> TrialConfig:
    """Return the configuration with these keys (`lambda`, not `lam`); raise ConfigError with all faults."""
    reading = _Reading(values)
    own = reading.read(own_fields())
    if problems := [*reading.problems, *reading.strays()]:
        raise ConfigError(problems)
    config = TrialConfig(**own, knobs=reading.knobs)
    if problems := conflicts(config):
        raise ConfigError(problems)
    return config


def sources_in(config: TrialConfig) -> list[Source]:
    """Return the sources of the code from outside that a configuration uses."""
    return sources_of([*config.imports, *outside_modules(config.values.values())])


def field_problems(values: Mapping[str, Any]) -> Problems:
    """Return (key, message) for each key or value that is wrong by itself, whatever the others are.

    A knob that several names have, such as lambda, is right if one of them accepts its value.
    """
    problems = []
    if "imports" in values and (fault := _fault(own_fields()["imports"], values["imports"], LINF)):
        return [("imports", fault)]  # without them other names are unknown
    for key, value in values.items():
        faults = [_fault(each, value, _norm_in(values)) for each in _fields_of(key)]
        if not faults:
            problems.append((str(key), unknown_key(str(key), trial_keys())))
        elif all(faults):
            problems.append((key, str(faults[0])))
    return problems


def own_value(values: Mapping[str, Any], key: str) -> Any:
    """Return the value of a key that every trial has, or its default; raise ValueError if it breaks its rule.

    A name is returned as it is. So the trainer and code from outside need not be imported.
    """
    found = own_fields()[key]
    value, rule = values.get(key, found.default), found.metadata["rule"]
    return value if rule.registry is not None else rule.read(value)


def foreign_keys(values: Mapping[str, Any]) -> list[str]:
    """Return the keys of names that `values` does not choose, such as alpha beside `objective: trades`."""
    reading = _Reading(values)
    reading.read(own_fields())
    known = set(trial_keys())
    return [key for key in values if key in known and key not in reading.seen]


def defaults_of(key: str) -> list[Any]:
    """Return the defaults of a key: several if several names have it as a knob, none if nothing has this key."""
    return [each.default for each in _fields_of(key)]


def _fields_of(key: Any) -> list[Field[Any]]:
    """Return the field of a key that every trial has, or the knobs of this key of all registered names."""
    if found := own_fields().get(key):
        return [found]
    owned = [knobs for registry in REGISTRIES for _, knobs in registry.with_knobs()]
    return [knob for knobs in owned for name, knob in knobs.items() if file_key(name) == key]


def _norm_in(values: Mapping[str, Any]) -> Any:
    return values.get("norm", own_fields()["norm"].default)


def _fault(each: Field[Any], value: Any, norm: Any) -> str | None:
    try:
        return norm_fault(each, each.metadata["rule"].read(value), norm, is_given=True)
    except ValueError as error:
        return str(error)


@dataclass
class _Reading:
    """The knobs that were read of `values`, by their name in code, the faults, and the names that were chosen."""

    values: Mapping[str, Any]
    knobs: dict[str, Any] = field(default_factory=dict)
    problems: Problems = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    chosen: dict[Registry, str] = field(default_factory=dict)

    def read(self, group: Mapping[str, Field[Any]]) -> dict[str, Any]:
        """Return the values of fields by their name in code, and collect the knobs of every name that is chosen."""
        found = {}
        for key, each in group.items():
            self.seen.add(key)
            name = name_in_code(key)
            value = self.values.get(key, each.default)
            try:
                found[name] = each.metadata["rule"].read(value)
            except ValueError as error:
                self.problems.append((key, str(error)))
                continue
            if fault := norm_fault(each, found[name], _norm_in(self.values), is_given=key in self.values):
                self.problems.append((key, fault))
            registry = each.metadata["rule"].registry
            if registry is not None:
                self.chosen[registry] = found[name]
                knobs = registry[found[name]].knobs
                if taken := [file_key(knob) for knob in knobs if file_key(knob) in own_fields()]:
                    rule = f"has a knob {taken[0]}, which is a key of every trial: choose another name for it"
                    self.problems.append((key, f"{found[name]} {rule}"))
                    continue
                self.knobs |= self.read({file_key(knob): knobs[knob] for knob in knobs})
        return found

    def strays(self) -> Problems:
        """Return (key, message) for each key that no chosen name has. Without a valid choice nobody can say."""
        keys = [key for key in self.values if key not in self.seen]
        return [(str(key), message) for key in keys if (message := self._stray(str(key)))]

    def _stray(self, key: str) -> str | None:
        for registry in REGISTRIES:
            owners = registry.owners(key)
            if not owners:
                continue
            if registry in self.chosen:
                with_other = f"has no effect with {self.chosen[registry]}; remove it"
                return f"belongs to the {registry.key} {' or '.join(owners)}, and {with_other}"
            # The registry's own key is a knob that was not read, or its value is wrong.
            return None if registry.key in self.seen else self._stray(registry.key)
        return unknown_key(key, trial_keys())
