"""Code from outside the project, in files that lie in a folder of the test."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from raises_about import raises_about

from training.config import ConfigError, field_problems, parse_trial, sources_in
from training.models import build_model
from training.outside_code import (
    ENTRY_POINTS,
    PlugInError,
    attribute_of,
    file_of,
    import_installed,
    import_outside,
    is_outside,
    look_in,
)
from training.registry import ARCHITECTURES, OBJECTIVES, outside_modules

MODELS = """
from torch import nn

from training.config.fields import whole
from training.registry import ARCHITECTURES

class Groups:
    @staticmethod
    def build(image_shape):
        return "inside"

def narrow(image_shape):
    return nn.Flatten(), 64

@ARCHITECTURES.register("wide", width=whole(3, 1))
def wide(image_shape, width):
    return nn.Flatten(), width

def greedy(image_shape, depth, stride):
    return nn.Flatten(), 64

SIZE = 3
"""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder in which modules are looked for; they are forgotten afterwards."""
    path, modules = list(sys.path), set(sys.modules)
    (tmp_path / "my_models.py").write_text(MODELS)
    look_in(tmp_path)
    yield tmp_path
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]
    ARCHITECTURES._entries.pop("wide", None)


def test_the_form_of_a_name_from_outside() -> None:
    assert [is_outside(name) for name in ("a:b", "a.b:c.d", "a", "a:", ":b", 3, None)] == [True, True, *5 * [False]]


def test_a_class_or_function_is_found_in_a_file_of_the_folder(folder: Path) -> None:
    assert attribute_of("my_models:narrow")((1, 8, 8))[1] == 64
    assert attribute_of("my_models:Groups.build")((1, 8, 8)) == "inside"
    assert file_of("my_models") == folder / "my_models.py"


def test_an_installed_package_comes_before_a_file_of_the_same_name(folder: Path) -> None:
    (folder / "colorsys.py").write_text("raise AssertionError")
    assert file_of(import_outside("colorsys").__name__).parent != folder


@pytest.mark.usefixtures("folder")
def test_a_configuration_names_what_no_package_registers() -> None:
    config = parse_trial({"architecture": "my_models:narrow"})
    assert ARCHITECTURES[config.architecture].build(config.values, image_shape=(1, 8, 8))[1] == 64
    assert parse_trial(config.to_mapping()) == config


@pytest.mark.usefixtures("folder")
def test_what_is_registered_has_its_knobs_under_both_names() -> None:
    import_outside("my_models")
    for name in ("my_models:wide", "wide"):
        config = parse_trial({"architecture": name, "width": 7})
        assert config.knobs["width"] == 7
        assert ARCHITECTURES[name].build(config.values, image_shape=(1, 8, 8))[1] == 7


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("no_models:narrow", ["no_models", "current folder"]),
        ("my_models:narow", ["my_models.py", "narow", "narrow?"]),
        ("__main__:Small", ["script or notebook", "file"]),
        ("my_models:SIZE", ["my_models.py", "3", "class or a function"]),
        ("my_models:greedy", ["image_shape", "depth, stride"]),
        ("my_models:Groups.builds", ["Groups.builds", "build?"]),
    ],
)
@pytest.mark.usefixtures("folder")
def test_what_is_missing_or_unfit_is_a_fault_of_the_configuration(name: str, words: list[str]) -> None:
    with pytest.raises(ConfigError) as refused:
        parse_trial({"architecture": name})
    ((key, message),) = refused.value.problems
    assert key == "architecture"
    assert all(word in message for word in [repr(name), *words])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("x = (", ["broken.py, line 1", "SyntaxError"]),
        ("\nimport absent_package", ["broken.py, line 2", "absent_package", "not installed"]),
        ("\n\nx = 1 / 0", ["broken.py, line 3", "ZeroDivisionError"]),
        ("import sys\nsys.exit(3)", ["broken.py, line 2", "SystemExit"]),
        ("from my_models import nothing", ["broken.py, line 1", "ImportError"]),
        ("raise ValueError", ["broken.py, line 1", "ValueError"]),
    ],
)
def test_a_module_that_cannot_be_imported_is_named_with_the_line(folder: Path, content: str, words: list[str]) -> None:
    (folder / "broken.py").write_text(content)
    with raises_about(PlugInError, "broken") as refused:
        import_outside("broken")
    assert all(word in str(refused.value) for word in words)


@pytest.mark.usefixtures("folder")
def test_a_name_that_is_taken_is_refused_where_it_is_registered(folder: Path) -> None:
    (folder / "taken.py").write_text(
        "from training.registry import OBJECTIVES\n\n@OBJECTIVES.register('trades')\ndef mine():\n    pass\n"
    )
    with raises_about(PlugInError, "taken") as refused:
        import_outside("taken")
    assert "taken.py, line 3" in str(refused.value)
    assert OBJECTIVES["trades"].target.__name__ == "Trades"


@pytest.mark.usefixtures("folder")
def test_imports_come_before_all_other_keys() -> None:
    config = parse_trial({"architecture": "wide", "width": 7, "imports": ["my_models"]})
    assert (config.imports, config.knobs["width"]) == (("my_models",), 7)
    assert [source.module for source in sources_in(config)] == ["my_models"]
    assert parse_trial(config.to_mapping()) == config


@pytest.mark.parametrize("imports", [["no_models"], "my_models", ["my-models"], [3], 3, [""], ["a..b"]])
@pytest.mark.usefixtures("folder")
def test_imports_that_cannot_be_are_a_fault(imports: object) -> None:
    with pytest.raises(ConfigError) as refused:
        parse_trial({"imports": imports})
    assert [key for key, _ in refused.value.problems] == ["imports"]
    assert [key for key, _ in field_problems({"architecture": "wide", "imports": imports})] == ["imports"]


def test_modules_of_names_but_not_of_libraries() -> None:
    assert outside_modules(["a.b:C", "trades", 3, "torchvision:resnet18", "a.b:D", "x:Y"]) == ["a.b", "x"]


def test_installed_packages_register_names_by_an_entry_point(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    for name, module in (("sound", "my_models"), ("broken", "absent_models")):
        information = folder / f"{name}-1.0.dist-info"
        information.mkdir()
        (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (information / "entry_points.txt").write_text(f"[{ENTRY_POINTS}]\n{name} = {module}\n")
    import_installed.cache_clear()  # each registry asks for them, and a process looks once
    import_installed()
    import_installed()
    assert "wide" in ARCHITECTURES
    (warning,) = caplog.messages
    assert "broken" in warning
    assert "absent_models" in warning


UNFIT_KNOBS = """
from training.config.fields import not_negative
from training.registry import OBJECTIVES

@OBJECTIVES.register("taken_knob", epochs=not_negative(3.0))
def taken_knob(epochs):
    pass
"""


@pytest.mark.usefixtures("folder")
def test_a_knob_without_a_rule_is_refused_where_it_is_registered(folder: Path) -> None:
    lines = ["from training.registry import OBJECTIVES", "", "@OBJECTIVES.register('bare', strength=3.0)"]
    (folder / "bare_knob.py").write_text("\n".join([*lines, "def bare(strength): pass"]))
    with raises_about(PlugInError, "bare_knob") as refused:
        import_outside("bare_knob")
    assert all(word in str(refused.value) for word in ("bare_knob.py, line 3", "strength", "rule"))


@pytest.mark.usefixtures("folder")
def test_a_knob_cannot_have_the_name_of_a_key_of_every_trial(folder: Path) -> None:
    (folder / "taken_knobs.py").write_text(UNFIT_KNOBS)
    try:
        with pytest.raises(ConfigError) as refused:
            parse_trial({"imports": ["taken_knobs"], "objective": "taken_knob"})
    finally:
        OBJECTIVES._entries.pop("taken_knob", None)
    ((key, message),) = refused.value.problems
    assert (key, "epochs" in message) == ("objective", True)


@pytest.mark.usefixtures("folder")
def test_a_network_that_ends_the_process_is_a_fault(folder: Path) -> None:
    (folder / "ending.py").write_text("import sys\n\ndef net(image_shape):\n    sys.exit(4)\n")
    config = parse_trial({"architecture": "ending:net"})
    with pytest.raises(ConfigError) as refused:
        build_model(config, 10, (1, 8, 8))
    ((key, message),) = refused.value.problems
    assert (key, "SystemExit" in message) == ("architecture", True)
