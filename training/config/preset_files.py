"""The configuration files that come with the package, found by name, and configurations built on them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from training.explained_error import ExplainedError
from training.nearest_names import did_you_mean

PRESETS = Path(__file__).parents[1] / "presets"


class UnknownPresetError(ExplainedError):
    """No preset has this name, and no file either; the message lists the known ones."""


def preset_names() -> list[str]:
    """Return the names of all presets, sorted."""
    return sorted(path.stem for path in PRESETS.glob("*.yaml"))


def find_config(name: str) -> Path:
    """Return the file of a configuration: `name` itself if it is a path or a file, else the preset of that name.

    Raise UnknownPresetError for a bare name, one without folder and suffix, that is neither.
    """
    path = Path(name)
    if path.is_file() or path.suffix or len(path.parts) != 1:
        return path
    if name in preset_names():
        return PRESETS / f"{name}.yaml"
    raise _unknown_preset(f"{name} is neither a file nor a preset", name)


def with_preset(values: Mapping[str, Any]) -> dict[str, Any]:
    """Replace the key `preset` by that preset's keys, where `values` have it; their other keys come before its.

    Raise UnknownPresetError with the known presets.
    """
    from training.yaml_text import read_yaml

    if "preset" not in values:
        return dict(values)
    name = values["preset"]
    if name not in preset_names():
        raise _unknown_preset(f"there is no preset {name!r}", str(name))
    preset = read_yaml(PRESETS / f"{name}.yaml")
    return {**preset, **{key: value for key, value in values.items() if key != "preset"}}


def _unknown_preset(fault: str, name: str) -> UnknownPresetError:
    hint = did_you_mean(name, preset_names(), most=1)
    known = f"known presets are {', '.join(preset_names())}."
    return UnknownPresetError(f"{fault}; {hint} The {known}" if hint else f"{fault}; the {known}", name)
