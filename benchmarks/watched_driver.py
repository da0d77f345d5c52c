"""`tuner run` that is told of each epoch which a worker begins; of one begun twice the ledger keeps the first only."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from tuner.cli import main
from tuner.engine import cluster

if TYPE_CHECKING:  # torch is imported in the workers
    from training.trainer import Trainer


def run_watched(words: Sequence[str], before_epoch: Callable[[int, int], None]) -> None:
    """Run the command with `words`; the workers call `before_epoch(number, epoch)`, a function of the main program."""
    connect = cluster.connect

    # Ray sends it to the workers whole, with `before_epoch`.
    def watched_trial(assignment: dict[str, Any]) -> None:
        from training.trainer import Trainer
        from tuner.engine.trainable import run_trial

        train_epoch = Trainer.train_epoch

        def watched(trainer: "Trainer", *arguments: Any) -> dict[str, float]:
            before_epoch(assignment["number"], trainer.epoch + 1)
            return train_epoch(trainer, *arguments)

        Trainer.train_epoch = watched  # type: ignore[assignment, method-assign]
        try:
            run_trial(assignment)
        finally:
            Trainer.train_epoch = train_epoch  # type: ignore[method-assign]

    def connect_and_watch(address: str | None) -> None:
        connect(address)
        # Only now: Ray reads its settings when it is imported.
        from tuner.engine import session

        session.run_trial = watched_trial  # type: ignore[attr-defined]

    cluster.connect = connect_and_watch
    main(["run", *words])
