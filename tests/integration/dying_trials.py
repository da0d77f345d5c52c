"""`tuner run` with a trial whose process is killed: FOLDER NUMBER EPOCH TIMES, then the command's own arguments.

Each epoch that begins leaves a line "NUMBER EPOCH" in FOLDER/epochs. Trial NUMBER kills its process by SIGKILL
in the first TIMES epochs EPOCH that it begins.
"""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tuner.cli import main
from tuner.engine import cluster

FOLDER, (NUMBER, EPOCH, TIMES) = Path(sys.argv[1]), map(int, sys.argv[2:5])


def dying_trial(assignment: dict[str, Any]) -> None:
    """Take the place of `run_trial` in the workers; Ray sends it to them whole."""
    from training.trainer import Trainer
    from tuner.engine.trainable import run_trial

    train_epoch = Trainer.train_epoch
    record = FOLDER / "epochs"

    def die(trainer: Trainer, *arguments: Any) -> dict[str, float]:
        line = f"{assignment['number']} {trainer.epoch + 1}"
        with record.open("a", encoding="utf-8") as file:
            file.write(f"{line}\n")
        if line == f"{NUMBER} {EPOCH}" and record.read_text(encoding="utf-8").splitlines().count(line) <= TIMES:
            os.kill(os.getpid(), signal.SIGKILL)
        return train_epoch(trainer, *arguments)

    Trainer.train_epoch = die  # type: ignore[assignment, method-assign]
    try:
        run_trial(assignment)
    finally:
        Trainer.train_epoch = train_epoch  # type: ignore[method-assign]


def connect(address: str | None, connect: Callable[[str | None], None] = cluster.connect) -> None:
    """Connect as ever, and only then touch the session: Ray reads its settings when it is imported."""
    connect(address)
    from tuner.engine import session

    session.run_trial = dying_trial  # type: ignore[attr-defined]


if __name__ == "__main__":
    cluster.connect = connect
    main(["run", *sys.argv[5:]])
