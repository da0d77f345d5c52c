"""The configuration files that come with the package, found by name."""

import difflib
from pathlib import Path

PRESETS = Path(__file__).parent / "presets"


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
