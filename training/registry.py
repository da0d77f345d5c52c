"""The names that a configuration may give, such as `objective: trades`: each is registered beside its class.

    @OBJECTIVES.register("trades", lam=positive(4.0))
    class Trades(Objective):
        def __init__(self, *, lam: float) -> None: ...

The other arguments of `register` are the keys that this name adds to a configuration, its knobs: fields of
`training.config.fields`, with rule and default. What is registered is called with its knobs, and with what the
registry offers, such as the model, each if it has a parameter of that name.
"""

import pkgutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import Field
from importlib import import_module
from typing import Any, TypeVar

from training.outside_code import PlugInError, attribute_of, import_installed, is_outside
from training.registry_entry import Conflicts, Entry, no_conflicts, require_callable

Registered = TypeVar("Registered", bound=Callable[..., Any])


def file_key(name: str) -> str:
    """Return the key of a field in files and in MLflow: `lambda` is a keyword of Python, so the code has `lam`."""
    return "lambda" if name == "lam" else name


def name_in_code(key: str) -> str:
    """Return the name of a key of a file in code."""
    return "lam" if key == "lambda" else key


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
        conflicts: Conflicts = no_conflicts,
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
            self._entries[name] = self._entry(name, target, knobs, conflicts, facts)
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
            return self._entry(name, target, self._knobs_of(module))
        target = attribute_of(name)
        registered = [entry for entry in self._entries.values() if entry.target is target]
        return registered[0] if registered else self._entry(name, target, {})

    def _entry(
        self,
        name: str,
        target: Callable[..., Any],
        knobs: Mapping[str, Field[Any]],
        conflicts: Conflicts = no_conflicts,
        facts: Any = None,
    ) -> Entry:
        """Return the entry, once it is clear that the target can be called. Raise PlugInError if it cannot."""
        entry = Entry(name, target, knobs, conflicts, facts)
        require_callable(entry, self.key, self.offers)
        return entry

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
        *("norm", "epsilon", "step_size", "rate", "classes", "draws", "surrogate", "cache"),
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
        "margin_predictions",
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
