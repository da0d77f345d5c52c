"""`tuner run` with trials that wait for the test: FILE, then the command's own arguments.

While FILE exists, no trial begins its second epoch or a later one, but for the trials whose numbers are in FILE. So a
trial cannot end before the test has done what it does to a running trial, however slow the machine is.
"""

import sys
import time
from pathlib import Path

from benchmarks.watched_driver import run_watched

FILE = Path(sys.argv[1])


def hold(number: int, epoch: int) -> None:
    """Wait before an epoch of a trial while FILE holds the trial back."""
    while epoch > 1 and _holds_back(number):
        time.sleep(0.05)


def _holds_back(number: int) -> bool:
    try:
        return str(number) not in FILE.read_text(encoding="utf-8").split()
    except FileNotFoundError:
        return False


if __name__ == "__main__":
    run_watched(sys.argv[2:], hold)
