"""A folder with code from outside the project, in which modules are looked for while a test runs."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from training.outside_code import look_in


@contextmanager
def plug_ins(folder: Path, files: Mapping[str, str]) -> Iterator[Path]:
    """Write the files and look for modules in `folder`; they are forgotten afterwards."""
    path, modules = list(sys.path), set(sys.modules)
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    look_in(folder)
    try:
        yield folder
    finally:
        sys.path[:] = path
        for name in set(sys.modules) - modules:
            if str(getattr(sys.modules[name], "__file__", "")).startswith(str(folder)):
                del sys.modules[name]
