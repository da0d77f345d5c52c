"""`tuner run` whose trials say where they train: FOLDER SECONDS, then the command's own arguments.

Each epoch that begins leaves a line "NUMBER EPOCH ADDRESS" in FOLDER/epochs, lasts SECONDS longer, and waits as long as
there is a file FOLDER/hold.
"""

import sys
import time
from pathlib import Path
from typing import Any

from tuner.cli import main
from tuner.engine import cluster

FOLDER, SECONDS = Path(sys.argv[1]), float(sys.argv[2])


def recorded_trial(assignment: dict[str, Any]) -> None:
    """Take the place of `run_trial` in the workers; Ray sends it to them whole."""
    import ray

    from training.trainer import Trainer
    from tuner.engine.trainable import run_trial

    train_epoch = Trainer.train_epoch
    address = str(ray.util.get_node_ip_address())  # type: ignore[no-untyped-call]

    def train(trainer: Trainer, *arguments: Any) -> dict[str, float]:
        with (FOLDER / "epochs").open("a", encoding="utf-8") as file:
            file.write(f"{assignment['number']} {trainer.epoch + 1} {address}\n")
        time.sleep(SECONDS)
        while (FOLDER / "hold").exists():
            time.sleep(0.1)
        return train_epoch(trainer, *arguments)

    Trainer.train_epoch = train  # type: ignore[assignment, method-assign]
    try:
        run_trial(assignment)
    finally:
        Trainer.train_epoch = train_epoch  # type: ignore[method-assign]


def _connect(address: str | None) -> None:
    # The session is imported only then: Ray reads its settings when it is imported.
    _CONNECT(address)
    from tuner.engine import session

    session.run_trial = recorded_trial  # type: ignore[attr-defined]


if __name__ == "__main__":
    _CONNECT, cluster.connect = cluster.connect, _connect
    main(["run", *sys.argv[3:]])
