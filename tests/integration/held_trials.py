"""`tuner run` with trials that wait for the test: FILE, then the command's own arguments.

FILE holds how many epochs may begin; all others wait until it allows more or is gone. So a search cannot end before the
test has done what it does to a running one, however slow the machine is. FILE.begun gets a line for each epoch.
"""

import math
import os
import sys
import time
from pathlib import Path

from benchmarks.watched_driver import run_watched

FILE = Path(sys.argv[1])


def hold(number: int, epoch: int) -> None:
    """Wait before an epoch until FILE lets it begin."""
    line, record = f"{number} {epoch} {os.getpid()} {time.monotonic_ns()}", FILE.with_suffix(".begun")
    with record.open("a", encoding="utf-8") as file:
        file.write(f"{line}\n")
    place = record.read_text(encoding="utf-8").splitlines().index(line) + 1
    while place > _allowed():
        time.sleep(0.05)


def _allowed() -> float:
    try:
        return int(FILE.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return math.inf


if __name__ == "__main__":
    run_watched(sys.argv[2:], hold)
