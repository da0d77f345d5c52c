"""`tuner run` whose workers note each epoch that they begin: FILE, then the command's own arguments.

A line of FILE is "NUMBER EPOCH". That an epoch was begun twice is seen nowhere else: the ledger keeps the first one.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tuner.cli import main
from tuner.engine import cluster

FILE = Path(sys.argv[1])


def logged_trial(assignment: dict[str, Any]) -> None:
    """Take the place of `run_trial` in the workers; Ray sends it to them whole."""
    from training.trainer import Trainer
    from tuner.engine.trainable import run_trial

    train_epoch = Trainer.train_epoch

    def noted(trainer: Trainer, *arguments: Any) -> dict[str, float]:
        with FILE.open("a", encoding="utf-8") as file:
            file.write(f"{assignment['number']} {trainer.epoch + 1}\n")
        return train_epoch(trainer, *arguments)

    Trainer.train_epoch = noted  # type: ignore[assignment, method-assign]
    try:
        run_trial(assignment)
    finally:
        Trainer.train_epoch = train_epoch  # type: ignore[method-assign]


def connect(address: str | None, connect: Callable[[str | None], None] = cluster.connect) -> None:
    """Connect as ever, and only then touch the session: Ray reads its settings when it is imported."""
    connect(address)
    from tuner.engine import session

    session.run_trial = logged_trial  # type: ignore[attr-defined]


if __name__ == "__main__":
    cluster.connect = connect
    main(["run", *sys.argv[2:]])
