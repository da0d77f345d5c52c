"""`tuner run` whose workers note each epoch that they begin: FILE, then the command's own arguments.

A line of FILE is "NUMBER EPOCH". That an epoch was begun twice is seen nowhere else: the ledger keeps the first one.
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
