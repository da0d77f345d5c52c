"""The results of one part in a file of its own: written after each unit, and read again when the part continues."""

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from training.atomic_write import atomic_write

# A unit measures one thing until a moment of `time.monotonic()`. It returns its figures, or None if it needs more time.
Unit = Callable[[float], dict[str, Any] | None]
_FIGURES = "figures"


def run_units(
    file: Path, units: Mapping[str, Unit], about: Mapping[str, Any], *, seconds: float, clock: Callable[[], float]
) -> list[str]:
    """Run the units that `file` has no figures of, as long as time is left; return the names of those that are open.

    A unit that fails is recorded with its error, and the next one runs. A file that was measured elsewhere, by
    `about["machine"]` and `about["versions"]`, raises ValueError: figures of two machines are not mixed.
    """
    found = _read(file, about)
    deadline = clock() + seconds
    longest = 0.0
    for name, unit in units.items():
        if name in found:
            continue
        if clock() + longest > deadline:
            break
        began = clock()
        try:
            figures = unit(deadline)
        except Exception as error:  # noqa: BLE001 - the other units of a rare machine shall still run
            figures = {"failed": f"{type(error).__name__}: {error}"}
        longest = max(longest, clock() - began)
        if figures is None:
            break
        found[name] = {**figures, "seconds_of_the_measurement": round(clock() - began, 1)}
        _write(file, {_FIGURES: found, **about})
    return [name for name in units if name not in found]


def _read(file: Path, about: Mapping[str, Any]) -> dict[str, Any]:
    if not file.exists():
        return {}
    content = json.loads(file.read_text("utf-8"))
    for key in ("machine", "versions"):
        if content[key] != about[key]:
            raise ValueError(
                f"{file} was measured with {key} {content[key]}, but here it is {about[key]}:"
                " give another folder with --out."
            )
    figures: dict[str, Any] = content[_FIGURES]
    return figures


def _write(file: Path, content: Mapping[str, Any]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(file) as opened:
        opened.write((json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode())


def time_left(deadline: float) -> float:
    """Return the seconds until `deadline`."""
    return deadline - time.monotonic()
