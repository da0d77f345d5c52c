"""Code from outside the project: modules that register names, and classes and functions named `module:attribute`.

A module is looked for in the environment first, then in the folders of `look_in`. Packages that are installed can
register names as well, by an entry point of the group `robust_tuner.plugins`.
"""

import importlib
import logging
import sys
import traceback
from collections.abc import Callable, Iterable
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

from training.explained_error import ExplainedError
from training.nearest_names import did_you_mean

ENTRY_POINTS = "robust_tuner.plugins"
_log = logging.getLogger(__name__)


class PlugInError(ExplainedError):
    """Code from outside is missing, cannot be imported, or cannot be called as its kind is; the message says where."""


def look_in(folder: Path) -> None:
    """Look for modules in `folder` as well. The environment comes first, so that no file hides an installed package."""
    path = str(folder.resolve())
    if path not in sys.path:
        sys.path.append(path)


def is_outside(name: object) -> bool:
    """Return whether a name has the form `module:attribute`."""
    module, colon, attribute = name.partition(":") if isinstance(name, str) else ("", "", "")
    return bool(colon and module and attribute)


def import_outside(module: str) -> ModuleType:
    """Import a module by its name, such as `my_models` or `package.part`. Raise PlugInError if that fails."""
    if module == "__main__":
        rule = (
            "__main__ is the script or notebook that runs, which no other process can import: move the code to a file"
        )
        raise PlugInError(rule, module)
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is not None and f"{module}.".startswith(f"{error.name}."):
            message = (
                f"there is no module {module}. It is looked for in the environment, in the current folder and in the "
                "folder of the space file"
            )
            raise PlugInError(message, module) from error
        raise PlugInError(f"{_place(error, module)} imports {error.name}, which is not installed", module) from error
    except (Exception, SystemExit) as error:
        reason = f"{type(error).__name__}: {' '.join(str(error).split())}".removesuffix(": ")
        raise PlugInError(f"{_place(error, module)} cannot be imported ({reason})", module) from error


def import_all(modules: Iterable[str]) -> None:
    """Import modules that register names, in a process that was told a configuration by another one."""
    for module in modules:
        import_outside(module)


def attribute_of(name: str, place: str | None = None) -> Callable[..., Any]:
    """Return the class or function `module:attribute`. Raise PlugInError if there is none.

    `place` is what an error calls the module, by default its file.
    """
    module_name, _, path = name.partition(":")
    found: Any = import_outside(module_name)
    where = place or file_of(module_name)
    for attribute in path.split("."):
        if not hasattr(found, attribute):
            names = [each for each in dir(found) if not each.startswith("_")]
            hint = did_you_mean(attribute, names, most=1)
            raise PlugInError(f"{where} has no {path}{f'; {hint}' if hint else ''}", name)
        found = getattr(found, attribute)
    if not callable(found):
        raise PlugInError(f"{path} in {where} is {found!r}, but must be a class or a function", name)
    target: Callable[..., Any] = found
    return target


def file_of(module: str) -> Path:
    """Return the file of an imported module; for a package its folder, for a built-in module its name."""
    found = sys.modules[module]
    file = getattr(found, "__file__", None)
    if file is None:
        return Path(next(iter(getattr(found, "__path__", [module]))))
    return Path(file).parent if hasattr(found, "__path__") else Path(file)


@cache
def import_installed() -> None:
    """Import the plug-ins of all installed packages. One that cannot be imported is named in a warning."""
    for found in entry_points(group=ENTRY_POINTS):
        try:
            import_outside(found.module)
        except PlugInError as error:
            _log.warning("The plug-in %s is left out: %s.", found.name, error)


def line_of(error: BaseException, module: str) -> str:
    """Return the file of an imported module, and its last line that ran before an error, if one of it did."""
    file = str(getattr(sys.modules[module], "__file__", None) or file_of(module))
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
    return f"{file}, line {lines[-1]}" if lines else file


def _place(error: BaseException, module: str) -> str:
    """Return the file and line of the module at which an import failed, or its name if no line of it ran."""
    if isinstance(error, SyntaxError) and error.filename is not None:
        return f"{error.filename}, line {error.lineno},"
    frames = traceback.extract_tb(error.__traceback__)
    own = (str(Path(__file__).parent), str(Path(importlib.__file__).parent), "<")
    theirs = [frame for frame in frames if not frame.filename.startswith(own)]
    return f"{theirs[-1].filename}, line {theirs[-1].lineno}," if theirs else f"the module {module}"
