"""The names that a configuration may give, such as `objective: trades`: each is registered beside its class.

    @OBJECTIVES.register("trades", lam=positive(4.0))
    class Trades(Objective):
        def __init__(self, *, lam: float) -> None: ...

The other arguments of `register` are the keys that this name adds to a configuration, its knobs: fields of
`training.config.fields`, with rule and default. What is registered is called with its knobs, and with what the
registry offers, such as the model, each if it has a parameter of that name.
"""

import inspect
import pkgutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import Field, dataclass
from importlib import import_module
from typing import Any, TypeVar

Problems = list[tuple[str, str]]
Registered = TypeVar("Registered", bound=Callable[..., Any])


def file_key(name: str) -> str:
    """Return the key of a field in files and in MLflow: `lambda` is a keyword of Python, so the code has `lam`."""
    return "lambda" if name == "lam" else name


def name_in_code(key: str) -> str:
    """Return the name of a key of a file in code."""
    return "lam" if key == "lambda" else key


@dataclass(frozen=True)
class Entry:
    """One registered name: what it builds, its knobs by their name in code, and the rules between its keys.

    `conflicts` takes the values of all keys by their name in code and returns (key, message) for each broken rule.
    """

    name: str
    target: Callable[..., Any]
    knobs: Mapping[str, Field[Any]]
    conflicts: Callable[[Mapping[str, Any]], Problems]

    def build(self, values: Mapping[str, Any], **offered: Any) -> Any:
        """Call the target with its knobs among `values`, and with what it asks for of `offered`."""
        asked = inspect.signature(self.target).parameters
        given = {"values": values, **offered, **{name: values[name] for name in self.knobs}}
        return self.target(**{name: value for name, value in given.items() if name in asked})


class Registry:
    """The names of one key. The modules of the package `built_in` register theirs when the first name is needed."""

    def __init__(self, key: str, built_in: str) -> None:
        self.key = key
        self._built_in = built_in
        self._is_loaded = False
        self._entries: dict[str, Entry] = {}

    def register(
        self, name: str, /, *, conflicts: Callable[[Mapping[str, Any]], Problems] | None = None, **knobs: Any
    ) -> Callable[[Registered], Registered]:
        """Return a decorator that registers a class or function under `name`. Raise ValueError if the name is taken.

        Each knob must be a parameter of the class or function, unless that has a parameter `values`, for those of all
        keys; TypeError says which is not.
        """

        def decorate(target: Registered) -> Registered:
            if name in self._entries and _place(self._entries[name].target) != _place(target):
                raise ValueError(f"The {self.key} {name!r} is registered twice: choose another name for one of them.")
            asked = inspect.signature(target).parameters
            unknown = [knob for knob in knobs if knob not in asked]
            if unknown and "values" not in asked:
                raise TypeError(f"The {self.key} {name!r} has no parameter for its knobs {', '.join(unknown)}.")
            self._entries[name] = Entry(name, target, knobs, conflicts or _without_conflicts)
            return target

        return decorate

    def __getitem__(self, name: str) -> Entry:
        self._load()
        return self._entries[name]

    def __contains__(self, name: object) -> bool:
        self._load()
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        self._load()
        return iter(sorted(self._entries))

    def owners(self, knob: str) -> list[str]:
        """Return the names that have a knob, given by its key in a file."""
        return [name for name in self if knob in map(file_key, self[name].knobs)]

    def _load(self) -> None:
        if self._is_loaded:
            return
        package = import_module(self._built_in)
        for module in pkgutil.walk_packages(package.__path__, f"{self._built_in}."):
            import_module(module.name)
        self._is_loaded = True


def _place(target: Callable[..., Any]) -> tuple[str, str]:
    """Return where a class or function was written: a notebook's cell that runs again replaces what it registered."""
    return target.__module__, target.__qualname__


def _without_conflicts(_values: Mapping[str, Any]) -> Problems:
    return []


ARCHITECTURES = Registry("architecture", "training.models")
AUGMENTATIONS = Registry("augmentation", "training.data")
DATASETS = Registry("dataset", "training.data")
ESTIMATORS = Registry("information_estimator", "training.losses")
OBJECTIVES = Registry("objective", "training.losses")
REGISTRIES = (DATASETS, AUGMENTATIONS, ARCHITECTURES, OBJECTIVES, ESTIMATORS)
