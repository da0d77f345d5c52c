"""`tuner run` that is told of each epoch which a worker begins; of one begun twice the ledger keeps the first only."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from tuner.cli import main
from tuner.engine import cluster

if TYPE_CHECKING:  # torch is imported in the workers
    from training.trainer import Trainer


def run_watched(words: Sequence[str], before_epoch: Callable[[int, int], None]) -> None:
    """Run the command with `words`; the workers call `before_epoch(number, epoch)`, a function of the main program."""
    connect = cluster.connect

    # Ray sends it to the workers whole, with `before_epoch`.
    def watched_trial(config: dict[str, Any]) -> None:
        from training.trainer import Trainer
        from tuner.engine.trainable import run_trial
        from tuner.engine.trial_task import task_of

        number = task_of(config).number
        train_epoch = Trainer.train_epoch

        def watched(trainer: "Trainer", *arguments: Any) -> dict[str, float]:
            before_epoch(number, trainer.epoch + 1)
            return train_epoch(trainer, *arguments)

        Trainer.train_epoch = watched  # type: ignore[assignment, method-assign]
        try:
            run_trial(config)
        finally:
            Trainer.train_epoch = train_epoch  # type: ignore[method-assign]

    def connect_and_watch(address: str | None) -> None:
        connect(address)
        # Only now: Ray reads its settings when it is imported.
        from tuner.engine import session

        session.run_session = partial(session.run_session, trial=watched_trial)

    cluster.connect = connect_and_watch
    main(["run", *words])
