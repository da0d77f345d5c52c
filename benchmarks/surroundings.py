"""Hardware, versions, date and command of a measurement, which every result file holds."""

import os
import platform
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any


def surroundings(packages: Sequence[str], *, device: str | None = None) -> dict[str, Any]:
    """Return date, machine, Python and the versions of `packages`; `device` names the accelerator, if one was used."""
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {device or 'no GPU used'}",
        "python": platform.python_version(),
        "versions": {name: version(name) for name in packages},
        "load_average_at_the_end": [round(load, 2) for load in os.getloadavg()],
    }


def command(benchmark: str, *folders: str | None) -> str:
    """Return the command line of this process, with DIR in place of the `folders` of this machine."""
    words = ["DIR" if word in folders else word for word in sys.argv[1:]]
    return " ".join(["python", "-m", f"benchmarks.{benchmark}", *words])
