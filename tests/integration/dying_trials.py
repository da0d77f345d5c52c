"""`tuner run` with a trial whose process is killed: FOLDER NUMBER EPOCH TIMES, then the command's own arguments.

Each epoch writes a line "NUMBER EPOCH" into FOLDER/epochs when it begins. Trial NUMBER kills its own process with
SIGKILL when it begins epoch EPOCH, the first TIMES times.
"""

import os
import signal
import sys
from pathlib import Path

from benchmarks.watched_driver import run_watched

FOLDER, (NUMBER, EPOCH, TIMES) = Path(sys.argv[1]), map(int, sys.argv[2:5])


def die(number: int, epoch: int) -> None:
    """Write the line of an epoch, and kill this process if the epoch is one of those to die in."""
    line = f"{number} {epoch}"
    record = FOLDER / "epochs"
    with record.open("a", encoding="utf-8") as file:
        file.write(f"{line}\n")
    if line == f"{NUMBER} {EPOCH}" and record.read_text(encoding="utf-8").splitlines().count(line) <= TIMES:
        os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    run_watched(sys.argv[5:], die)
