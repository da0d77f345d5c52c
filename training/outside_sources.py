"""Where code from outside lies, and the hash of its text: for the record of a search, and for other machines."""

import ast
import hashlib
import importlib.util
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from training.outside_code import PlugInError, file_of, import_outside

_INSTALLED = tuple(Path(sysconfig.get_path(kind)).resolve() for kind in ("stdlib", "platstdlib", "purelib", "platlib"))
_PROJECT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Source:
    """Where the code of a module or package from outside lies, and the hash of its text.

    `is_installed` says whether it belongs to the environment, which every machine of a cluster must have.
    """

    module: str
    place: Path
    hash: str
    is_installed: bool

    def __str__(self) -> str:
        """Return a line for the user."""
        return f"plug-in {self.module} from {self.place}"


def sources_of(modules: Iterable[str]) -> list[Source]:
    """Return the sources of imported modules and of the files beside them that they import, one for each package."""
    found: set[str] = set()
    new = {module.partition(".")[0] for module in modules}
    while new:
        found |= new
        helpers = {name for package in new if _is_loose(package) for name in _imports_of(package)}
        new = {name for name in helpers - found if _is_helper(name)}
    return [Source(name, file_of(name), source_hash(name), not _is_loose(name)) for name in sorted(found)]


def source_hash(module: str) -> str:
    """Return the first 16 hexadecimal digits of the SHA-256 hash of a module's file, or of all modules of a package."""
    place = file_of(module)
    digest = hashlib.sha256()
    for file in _files_of(module):
        digest.update(str(file.relative_to(place.parent)).encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def _files_of(module: str) -> list[Path]:
    place = file_of(module)
    return sorted(place.rglob("*.py")) if place.is_dir() else [place]


def _imports_of(package: str) -> Iterator[str]:
    """Yield the packages that the files of an imported package import, also inside functions.

    The text says it, and not what is loaded: another part of the process may have loaded a file before.
    """
    for file in _files_of(package):
        try:
            tree = ast.parse(file.read_bytes())
        except (SyntaxError, ValueError):  # a file that nothing can import
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                yield from (alias.name.partition(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module is not None:
                yield node.module.partition(".")[0]


def _is_helper(name: str) -> bool:
    """Return whether a package lies in a folder of the user; it is imported, if nothing has imported it yet."""
    if name not in sys.modules:
        spec = importlib.util.find_spec(name)
        origin = None if spec is None else spec.origin
        if origin is None or not _lies_loose(origin):
            return False
        try:
            import_outside(name)
        except PlugInError:  # whoever needs it says so
            return False
    return _is_loose(name)


def _is_loose(module: str) -> bool:
    """Return whether an imported module lies in a folder of the user: neither installed nor a part of the project."""
    found = sys.modules.get(module)
    file = getattr(found, "__file__", None) or next(iter(getattr(found, "__path__", ())), None)
    return isinstance(file, str) and _lies_loose(file)


def _lies_loose(file: str) -> bool:
    if not Path(file).is_absolute():  # a module that a library has made up
        return False
    place = Path(file).resolve()
    if any(place.is_relative_to(folder) for folder in _INSTALLED):
        return False
    return not any(place.is_relative_to(_PROJECT / package) for package in ("training", "tuner"))
