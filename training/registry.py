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
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import Field, dataclass
from importlib import import_module
from typing import Any, TypeVar

from training.outside_code import PlugInError, attribute_of, import_installed, is_outside

Problems = list[tuple[str, str]]
Registered = TypeVar("Registered", bound=Callable[..., Any])
_OPTIONAL_KINDS = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


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

    @property
    def asked(self) -> Collection[str]:
        """The names of the target's parameters."""
        return inspect.signature(self.target).parameters

    @property
    def is_own(self) -> bool:
        """Whether it is the project's own, which its tests vouch for."""
        return self.target.__module__.startswith("training.") and not is_outside(self.name)

    def build(self, values: Mapping[str, Any], **offered: Any) -> Any:
        """Call the target with its knobs among `values`, and with what it asks for of `offered`."""
        asked = self.asked
        given = {"values": values, **offered, **{name: values[name] for name in self.knobs}}
        return self.target(**{name: value for name, value in given.items() if name in asked or name in self.knobs})


class Registry:
    """The names of one key, and classes and functions from outside by `module:attribute`.

    The modules of the package `built_in` register their names when the first one is needed. What is registered may ask
    for the arguments `offers`, for its knobs and for the `values` of all keys. `libraries` are names by which modules
    of the project offer the contents of a library, such as torchvision; the knobs of these are the module's `KNOBS`.
    """

    def __init__(
        self, key: str, built_in: str, offers: tuple[str, ...] = (), libraries: Mapping[str, str] | None = None
    ) -> None:
        self.key = key
        self.libraries = libraries or {}
        self._built_in = built_in
        self._offers = offers
        self._is_loaded = False
        self._entries: dict[str, Entry] = {}

    def register(
        self, name: str, /, *, conflicts: Callable[[Mapping[str, Any]], Problems] | None = None, **knobs: Any
    ) -> Callable[[Registered], Registered]:
        """Return a decorator that registers a class or function under `name`.

        Raise PlugInError if the name is taken, if a knob is no parameter of the class or function, or if that asks for
        something else.
        """

        def decorate(target: Registered) -> Registered:
            if not target.__module__.startswith(f"{self._built_in}."):
                self._load()  # so that no name of the project can be taken
            if name in self._entries and _place(self._entries[name].target) != _place(target):
                rule = "is registered twice: choose another name for one of them"
                raise PlugInError(f"the {self.key} {name!r} {rule}", name)
            self._entries[name] = self._entry(name, target, knobs, conflicts or _without_conflicts)
            return target

        return decorate

    def __getitem__(self, name: str) -> Entry:
        """Return the entry of a name. Raise KeyError for an unknown one, PlugInError if code from outside is unfit."""
        self._load()
        return self._from_outside(name) if is_outside(name) else self._entries[name]

    def __contains__(self, name: object) -> bool:
        self._load()
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        self._load()
        return iter(sorted(self._entries))

    def owners(self, knob: str) -> list[str]:
        """Return the names that have a knob, given by its key in a file."""
        return [name for name, knobs in self.with_knobs() if knob in map(file_key, knobs)]

    def with_knobs(self) -> Iterator[tuple[str, Mapping[str, Field[Any]]]]:
        """Yield each name with its knobs. What a library offers is one name, such as `torchvision:NAME`."""
        for name in self:
            yield name, self._entries[name].knobs
        for library in self.libraries:
            yield f"{library}:NAME", self._knobs_of(library)

    def _knobs_of(self, library: str) -> Mapping[str, Field[Any]]:
        knobs: Mapping[str, Field[Any]] = import_module(self.libraries[library]).KNOBS
        return knobs

    def _from_outside(self, name: str) -> Entry:
        module, _, attribute = name.partition(":")
        if module in self.libraries:
            target = attribute_of(f"{self.libraries[module]}:{attribute}", place=module)
            return self._entry(name, target, self._knobs_of(module), _without_conflicts)
        target = attribute_of(name)
        registered = [entry for entry in self._entries.values() if entry.target is target]
        return registered[0] if registered else self._entry(name, target, {}, _without_conflicts)

    def _entry(
        self,
        name: str,
        target: Callable[..., Any],
        knobs: Mapping[str, Field[Any]],
        conflicts: Callable[[Mapping[str, Any]], Problems],
    ) -> Entry:
        """Return the entry, once it is clear that the target can be called. Raise PlugInError if it cannot."""
        try:
            asked = inspect.signature(target).parameters
        except ValueError as error:
            raise PlugInError(f"the {self.key} {name!r} does not say which parameters it has", name) from error
        offered = (*self._offers, *knobs, "values")
        called = f"{self.key} {name!r} is called with {', '.join(offered)}"
        takes_all = any(parameter.kind is parameter.VAR_KEYWORD for parameter in asked.values())
        unfit = [] if takes_all else [each for each in knobs if each not in asked]
        if unfit:
            raise PlugInError(f"the {called}, but has no parameter for its knob {', '.join(unfit)}", name)
        needed = [
            parameter.name
            for parameter in asked.values()
            if parameter.default is parameter.empty and parameter.kind not in _OPTIONAL_KINDS
        ]
        unknown = [each for each in needed if each not in offered]
        if unknown:
            raise PlugInError(f"the {called}, but asks for {', '.join(unknown)} without a default", name)
        return Entry(name, target, knobs, conflicts)

    def _load(self) -> None:
        if self._is_loaded:
            return
        package = import_module(self._built_in)
        for module in pkgutil.walk_packages(package.__path__, f"{self._built_in}."):
            import_module(module.name)
        self._is_loaded = True
        import_installed()


def _place(target: Callable[..., Any]) -> tuple[str, str]:
    """Return where a class or function was written: a notebook's cell that runs again replaces what it registered."""
    return target.__module__, target.__qualname__


def _without_conflicts(_values: Mapping[str, Any]) -> Problems:
    return []


ARCHITECTURES = Registry(
    "architecture",
    "training.models",
    ("image_shape", "num_classes"),
    {"timm": "training.models.from_timm", "torchvision": "training.models.from_torchvision"},
)
AUGMENTATIONS = Registry("augmentation", "training.data", ("images", "generator"))
DATASETS = Registry("dataset", "training.data", ("root", "train"), {"torchvision": "training.data.torchvision_sets"})
ESTIMATORS = Registry("information_estimator", "training.losses", ("dimensions", "generator"))
OBJECTIVES = Registry("objective", "training.losses", ("model", "training_images", "generator", "device", "group"))
REGISTRIES = (DATASETS, AUGMENTATIONS, ARCHITECTURES, OBJECTIVES, ESTIMATORS)


def outside_modules(values: Iterable[object]) -> list[str]:
    """Return the modules of the names `module:attribute` among the values of a configuration, each once."""
    libraries = {library for registry in REGISTRIES for library in registry.libraries}
    modules = [str(value).partition(":")[0] for value in values if is_outside(value)]
    return [module for module in dict.fromkeys(modules) if module not in libraries]
