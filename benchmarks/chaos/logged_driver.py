"""`tuner run` whose workers write a line "NUMBER EPOCH" at the start of each epoch.

The arguments are the file for these lines and then the command's own. Only these lines show that an epoch began twice,
because the ledger keeps only the first report.
"""

import sys
from pathlib import Path

from benchmarks.watched_driver import run_watched

FILE = Path(sys.argv[1])


def log(number: int, epoch: int) -> None:
    """Write the line of an epoch."""
    with FILE.open("a", encoding="utf-8") as file:
        file.write(f"{number} {epoch}\n")


if __name__ == "__main__":
    run_watched(sys.argv[2:], log)
