"""What the documents list by name is what the code knows: keys, defaults, presets, spaces, YAML blocks."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from documents import PAGES, ROOT, SPACES, blocks, name_of
from pydantic import BaseModel

from training.config import file_key, trial_keys
from training.config.trial import own_fields
from training.registry import REGISTRIES
from training.yaml_text import format_yaml, parse_yaml
from tuner.space import Space, load_space

_ROW = re.compile(r"^\| `([\w.*]+)` \| (.*?) \|", re.MULTILINE)
# The engine tells a trial of its rungs; a user does not write them.
NOT_FOR_USERS = {"rungs"}
# Entry points and a helper of the commands.
NOT_ON_THE_MAP = {"run | __main__", "command_line"}


def rows(page: str, heading: str) -> dict[str, str]:
    """Return the first two columns of the tables below a heading, by key."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8").partition(f"\n## {heading}\n")[2]
    return dict(_ROW.findall(text.partition("\n## ")[0]))


def test_every_key_of_a_configuration_is_listed() -> None:
    listed = rows("paper.md", "Keys of a configuration")
    assert set(listed) == set(trial_keys()) - NOT_FOR_USERS


def test_the_listed_defaults_are_those_of_the_code() -> None:
    listed = rows("paper.md", "Keys of a configuration")
    defaults = {key: parse_yaml(text.strip("`")) for key, text in listed.items() if text.startswith("`")}
    # Fractions in a list are text to YAML and numbers to the configuration.
    knobs = [registry[name].knobs for registry in REGISTRIES for name in registry]
    fields = {**own_fields(), **{file_key(knob): each[knob] for each in reversed(knobs) for knob in each}}
    for key, value in defaults.items():
        assert fields[key].metadata["rule"].read(value) == fields[key].default, key
    assert len(defaults) == len(listed) - 1, "only the default of `terms` is in words"


def section(space_key: str) -> type[BaseModel]:
    """Return the model of a space's section."""
    model = Space.model_fields[space_key].annotation
    assert isinstance(model, type)
    assert issubclass(model, BaseModel)
    return model


def test_every_key_of_a_space_is_listed_with_its_default() -> None:
    listed = rows("spaces.md", "All keys")
    for name in ("search", "early_stopping", "resources"):
        fields = section(name).model_fields
        shown = {key.partition(".")[2]: text for key, text in listed.items() if key.startswith(f"{name}.")}
        assert set(shown) == set(fields)
        for key, text in shown.items():
            if text.startswith("`"):
                assert parse_yaml(text.strip("`")) == fields[key].default, f"{name}.{key}"
    objectives: Any = Space.model_fields["objectives"].annotation
    objective = objectives.__args__[1]
    assert {key.removeprefix("objectives.*.") for key in listed if key.startswith("objectives.")} == set(
        objective.model_fields
    )


def test_every_space_and_every_preset_is_named() -> None:
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    named = set(re.findall(r"`(\w+)`", text))
    presets = {path.stem for path in (ROOT / "training" / "presets").glob("*.yaml")}
    assert presets | {path.stem for path in SPACES} <= named


@pytest.mark.parametrize("package", ["tuner", "training"])
def test_the_map_shows_the_layers_of_the_contracts(package: str) -> None:
    (drawn,) = (
        block.text for block in blocks(ROOT / "docs" / "architecture.md", "text") if "training/\n" in block.text
    )
    part = drawn.partition(f"{package}/\n")[2].partition("\n\n")[0]
    shown = [" | ".join(re.findall(r"\w+", line[:33])) for line in part.splitlines()]
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    layers = next(c["layers"] for c in settings["contracts"] if c.get("containers") == [package])
    assert shown == [layer for layer in layers if layer not in NOT_ON_THE_MAP]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_yaml_blocks_are_valid(page: Path, tmp_path: Path) -> None:
    for number, block in enumerate(blocks(page, "yaml")):
        mapping = parse_yaml(block.text)
        if "parameters" not in mapping:  # a configuration, or sections of a space: try it as a part of a space
            mapping = {
                "name": "tried",
                "parameters": {"seed": {"type": "int", "low": 0, "high": 9}},
                "trial": {},
                "objectives": {"natural_accuracy": {}},
                **(mapping if "objectives" in mapping else {"trial": mapping}),
            }
        path = tmp_path / f"{number}.yaml"
        path.write_text(format_yaml(mapping), encoding="utf-8")
        load_space(str(path))
