"""What measurements have in common: the environment of their commands, and the result file with its surroundings."""

import json
import os
import platform
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

# They would make a search use the user's own servers and folders.
USER_SETTINGS = ("TUNER_LEDGER", "MLFLOW_TRACKING_URI", "RAY_ADDRESS", "TUNER_RUNS_DIR")


def own_environment(**others: str) -> dict[str, str]:
    """Return this process's environment with `others` and without the user's settings."""
    return {key: value for key, value in os.environ.items() if key not in USER_SETTINGS} | others


def write_result(file: Path, result: Mapping[str, Any]) -> None:
    """Print the figures of a measurement with their surroundings, and write them to a file."""
    text = json.dumps(result, indent=2, ensure_ascii=False)
    print(text)
    file.write_text(text + "\n", "utf-8")


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
