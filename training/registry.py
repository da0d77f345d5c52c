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
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import Field, dataclass, replace
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
    `facts` is what its users must know of a name before they build it: of a metric its `Measure`, of an attack its
    norm; None if nothing was said.
    """

    name: str
    target: Callable[..., Any]
    knobs: Mapping[str, Field[Any]]
    conflicts: Callable[[Mapping[str, Any]], Problems]
    facts: Any = None

    @property
    def is_own(self) -> bool:
        """Whether it is the project's own, which its tests vouch for."""
        return self.target.__module__.startswith("training.") and not is_outside(self.name)

    @property
    def asked(self) -> Mapping[str, inspect.Parameter]:
        """The parameters of the target by name."""
        return inspect.signature(self.target).parameters

    @property
    def file(self) -> str:
        """The file in which the target is written, or else its module."""
        module = getattr(self.target, "__module__", None) or type(self.target).__module__
        return str(getattr(sys.modules.get(module), "__file__", None) or module)

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
        self.offers = offers
        self._is_loaded = self._has_installed = False
        self._entries: dict[str, Entry] = {}

    def register(
        self,
        name: str,
        /,
        *,
        conflicts: Callable[[Mapping[str, Any]], Problems] | None = None,
        facts: Any = None,
        **knobs: Any,
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
            entry = self._entry(name, target, knobs, conflicts or _without_conflicts)
            self._entries[name] = replace(entry, facts=facts)
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

    def own(self, name: str) -> Entry | None:
        """Return the project's own entry of a name, None for another name; no code from outside is imported."""
        self._load_own()
        found = self._entries.get(name)
        return found if found is not None and found.is_own else None

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
        offered = (*self.offers, *knobs, "values")
        called = f"{self.key} {name!r} ({_file(target)}) is called with {', '.join(offered)}"
        if ruleless := [knob for knob, each in knobs.items() if "rule" not in getattr(each, "metadata", ())]:
            rule = f"needs a rule, such as {ruleless[0]}=positive(1.0) of training.config.fields"
            raise PlugInError(f"the knob {ruleless[0]} of the {self.key} {name!r} ({_file(target)}) {rule}", name)
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
        self._load_own()
        if not self._has_installed:
            self._has_installed = True
            import_installed()

    def _load_own(self) -> None:
        if self._is_loaded:
            return
        package = import_module(self._built_in)
        for module in pkgutil.walk_packages(package.__path__, f"{self._built_in}."):
            import_module(module.name)
        self._is_loaded = True


def _place(target: Callable[..., Any]) -> tuple[str, str]:
    """Return where a class or function was written: a notebook's cell that runs again replaces what it registered."""
    return target.__module__, target.__qualname__


def _file(target: Callable[..., Any]) -> str:
    """Return the file in which a class or function was written, or the name of its module."""
    module = sys.modules.get(target.__module__)
    return str(getattr(module, "__file__", None) or target.__module__)


def _without_conflicts(_values: Mapping[str, Any]) -> Problems:
    return []


ARCHITECTURES = Registry(
    "architecture",
    "training.models",
    ("image_shape", "num_classes"),
    {"timm": "training.models.from_timm", "torchvision": "training.models.from_torchvision"},
)
# What builds an attack may ask for the sizes of the evaluation; an attack that is a function, for the rest as well.
ATTACKS = Registry(
    "attack",
    "training.attacks",
    (
        *("epsilon", "step_size", "rate", "classes", "draws", "surrogate", "cache"),
        *("model", "images", "labels", "generator", "seed"),
    ),
    {"torchattacks": "training.attacks.from_torchattacks"},
)
AUGMENTATIONS = Registry("augmentation", "training.data", ("images", "generator"))
DATASETS = Registry("dataset", "training.data", ("root", "train"), {"torchvision": "training.data.torchvision_sets"})
ESTIMATORS = Registry("information_estimator", "training.losses", ("dimensions", "generator"))
OBJECTIVES = Registry("objective", "training.losses", ("model", "training_images", "generator", "device", "group"))
# Each of them has a key of a configuration that chooses one name. METRICS and ATTACKS are named in lists.
REGISTRIES = (DATASETS, AUGMENTATIONS, ARCHITECTURES, OBJECTIVES, ESTIMATORS)
METRICS = Registry(
    "metric",
    "training.metrics",
    (
        "model",
        "images",
        "labels",
        "predictions",
        "adversarial_images",
        "adversarial_predictions",
        "generator",
        "device",
        "batch_size",
    ),
)


def outside_modules(values: Iterable[object]) -> list[str]:
    """Return the modules of the names `module:attribute` among the values of a configuration, each once.

    A value may be a list of names.
    """
    libraries = {library for registry in (*REGISTRIES, ATTACKS) for library in registry.libraries}
    names = [name for value in values for name in (value if isinstance(value, list | tuple) else [value])]
    modules = [str(name).partition(":")[0] for name in names if is_outside(name)]
    return [module for module in dict.fromkeys(modules) if module not in libraries]
