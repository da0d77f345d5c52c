"""`tuner run` whose trials record where they train: FOLDER SECONDS, then the command's own arguments.

Each epoch writes a line "NUMBER EPOCH ADDRESS" into FOLDER/epochs at its start, sleeps for SECONDS, and waits as long
as the file FOLDER/hold exists.
"""

import sys
import time
from pathlib import Path

from benchmarks.watched_driver import run_watched

FOLDER, SECONDS = Path(sys.argv[1]), float(sys.argv[2])


def record(number: int, epoch: int) -> None:
    """Write the line of an epoch, sleep, and wait while the file `hold` exists."""
    import ray

    address = str(ray.util.get_node_ip_address())  # type: ignore[no-untyped-call]
    with (FOLDER / "epochs").open("a", encoding="utf-8") as file:
        file.write(f"{number} {epoch} {address}\n")
    time.sleep(SECONDS)
    while (FOLDER / "hold").exists():
        time.sleep(0.1)


if __name__ == "__main__":
    run_watched(sys.argv[3:], record)
