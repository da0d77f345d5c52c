"""Where code from outside lies, and which files belong to it."""

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from plug_ins import plug_ins

from training.outside_code import import_outside
from training.outside_sources import source_hash, sources_of

FILES = {
    "my_models.py": "",
    "helpers/__init__.py": "SIZE = 3",
    "deep.py": "def late():\n    import deeper\n",
    "deeper.py": "",
    "broken.py": "import absent_package",
    "with_helpers.py": "import colorsys\nfrom helpers import SIZE\nfrom training import yaml_text\n"
    "from deep import late\ntry:\n    import broken\nexcept ImportError:\n    pass\n",
    "other.py": "def build():\n    import helpers\n",
}


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "helpers").mkdir()
    with plug_ins(tmp_path, FILES) as found:
        yield found


def test_the_hash_changes_with_the_file_and_with_each_module_of_a_package(folder: Path) -> None:
    (folder / "package" / "part").mkdir(parents=True)
    for file in ("__init__.py", "part/__init__.py", "part/deep.py"):
        (folder / "package" / file).write_text("")
    for module, file in (("my_models", "my_models.py"), ("package", "package/part/deep.py")):
        import_outside(module)
        before = source_hash(module)
        assert source_hash(module) == before
        (folder / file).write_text("changed = True")
        assert source_hash(module) != before


def test_the_sources_of_a_module_include_the_files_that_it_imports(folder: Path) -> None:
    import_outside("with_helpers")
    found = sources_of(["with_helpers"])
    assert [source.module for source in found] == ["deep", "deeper", "helpers", "with_helpers"]
    assert [source.is_installed for source in found] == 4 * [False]
    assert (found[2].place, found[3].place) == (folder / "helpers", folder / "with_helpers.py")
    assert found[3].hash == source_hash("with_helpers")
    (installed,) = sources_of([import_outside("colorsys").__name__])
    assert installed.is_installed


@pytest.mark.usefixtures("folder")
def test_they_do_not_depend_on_what_the_process_has_imported_before() -> None:
    """A notebook may import a helper itself, and two plug-ins may share one."""
    importlib.import_module("helpers")
    import_outside("other")
    assert "deeper" not in sys.modules
    assert [source.module for source in sources_of(["other"])] == ["helpers", "other"]
