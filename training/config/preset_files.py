"""The configuration files that come with the package, found by name, and configurations built on them."""

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

PRESETS = Path(__file__).parents[1] / "presets"


class UnknownPresetError(LookupError):
    """No preset has this name, and no file either; the message lists the known ones."""


def preset_names() -> list[str]:
    """Give the names of all presets, sorted."""
    return sorted(path.stem for path in PRESETS.glob("*.yaml"))


def find_config(name: str) -> Path:
    """Give the file of a configuration: `name` itself if it is a path or a file, else the preset of that name.

    Raise UnknownPresetError for a bare name, one without folder and suffix, that is neither.
    """
    path = Path(name)
    if path.is_file() or path.suffix or len(path.parts) != 1:
        return path
    known = preset_names()
    if name in known:
        return PRESETS / f"{name}.yaml"
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]}? The" if near else "the"
    raise UnknownPresetError(f"{name} is neither a file nor a preset; {hint} known presets are {', '.join(known)}.")


def with_preset(values: Mapping[str, Any]) -> dict[str, Any]:
    """Replace the key `preset` by that preset's keys, where `values` have it; their other keys come before its.

    Raise UnknownPresetError with the known presets.
    """
    import yaml

    if "preset" not in values:
        return dict(values)
    name = values["preset"]
    if name not in preset_names():
        near = difflib.get_close_matches(str(name), preset_names(), n=1)
        hint = f"did you mean {near[0]}? The" if near else "the"
        raise UnknownPresetError(f"there is no preset {name!r}; {hint} known presets are {', '.join(preset_names())}.")
    preset = yaml.safe_load((PRESETS / f"{name}.yaml").read_text("utf-8"))
    return {**preset, **{key: value for key, value in values.items() if key != "preset"}}
