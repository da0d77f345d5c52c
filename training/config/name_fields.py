"""The fields whose values are names of code: registered names, metrics, and modules that register more of them."""

from dataclasses import dataclass, field
from typing import Any

from training.config.fields import Rule, not_text
from training.config.metrics import metric_fault
from training.outside_code import PlugInError, import_outside
from training.registry import Registry


def module_names() -> Any:
    """Return a field of names of modules, empty by default. Reading it imports them."""

    def imported(value: Any) -> tuple[str, ...]:
        names = tuple(not_text(value))
        if not all(isinstance(name, str) and all(part.isidentifier() for part in name.split(".")) for name in names):
            raise ValueError(value)
        return names

    return field(
        default=(), metadata={"rule": _Imports("a list of modules, such as [my_models]", imported, lambda _: True)}
    )


@dataclass(frozen=True)
class _Imports(Rule):
    """The rule of names of modules that must be imported before other names are read."""

    def read(self, value: Any) -> Any:
        names = super().read(value)
        for name in names:
            try:
                import_outside(name)
            except PlugInError as error:
                raise ValueError(f"the value is {list(names)!r}, but {error}") from error
        return names


def metric_names() -> Any:
    """Return a field of names of metrics, registered or `module:attribute`, empty by default."""
    text = "a list of metrics, such as [worst_class_pgd_accuracy]"
    return field(default=(), metadata={"rule": _Metrics(text, _to_names, lambda names: len(set(names)) == len(names))})


@dataclass(frozen=True)
class _Metrics(Rule):
    """The rule of names of metrics: each must be known."""

    def read(self, value: Any) -> Any:
        names = super().read(value)
        for name in names:
            if fault := metric_fault(name):
                raise ValueError(f"the value is {list(names)!r}, but {fault}")
        return names


def named(default: str, registry: Registry) -> Any:
    """Return a field whose values are the names of a registry."""
    rule = Rule("a registered name", str, lambda value: value in registry, registry)
    return field(default=default, metadata={"rule": rule})


def _to_names(value: Any) -> tuple[str, ...]:
    names = tuple(not_text(value))
    if not all(isinstance(name, str) for name in names):
        raise TypeError(value)
    return names
