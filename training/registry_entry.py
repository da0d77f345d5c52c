"""One registered name: what it builds, and the check that this can be called as its kind is."""

import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import Field, dataclass
from typing import Any

from training.outside_code import PlugInError, is_outside

Problems = list[tuple[str, str]]
Conflicts = Callable[[Mapping[str, Any]], Problems]
_OPTIONAL_KINDS = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


def no_conflicts(_values: Mapping[str, Any]) -> Problems:
    """Return that every combination of values is allowed."""
    return []


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
    conflicts: Conflicts
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


def require_callable(entry: Entry, kind: str, offers: Sequence[str]) -> None:
    """Raise PlugInError unless an entry can be called with its knobs and with what a registry `offers` its kind."""
    named = f"the {kind} {entry.name!r}"
    try:
        asked = entry.asked
    except ValueError as error:
        raise PlugInError(f"{named} does not say which parameters it has", entry.name) from error
    if ruleless := [knob for knob, each in entry.knobs.items() if "rule" not in getattr(each, "metadata", ())]:
        rule = f"needs a rule, such as {ruleless[0]}=positive(1.0) of training.config.fields"
        raise PlugInError(f"the knob {ruleless[0]} of {named} ({entry.file}) {rule}", entry.name)
    offered = (*offers, *entry.knobs, "values")
    called = f"{named} ({entry.file}) is called with {', '.join(offered)}"
    takes_all = any(parameter.kind is parameter.VAR_KEYWORD for parameter in asked.values())
    unfit = [] if takes_all else [each for each in entry.knobs if each not in asked]
    if unfit:
        raise PlugInError(f"{called}, but has no parameter for its knob {', '.join(unfit)}", entry.name)
    needed = [
        parameter.name
        for parameter in asked.values()
        if parameter.default is parameter.empty and parameter.kind not in _OPTIONAL_KINDS
    ]
    unknown = [each for each in needed if each not in offered]
    if unknown:
        raise PlugInError(f"{called}, but asks for {', '.join(unknown)} without a default", entry.name)
