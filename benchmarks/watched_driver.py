"""`tuner run` with a hook before each epoch.

Without it an epoch that is trained twice would not be seen: the ledger keeps only the first report.
"""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuner.cli import main
from tuner.engine import cluster

if TYPE_CHECKING:  # torch is imported in the workers
    from training.trainer import Trainer


def run_watched(words: Sequence[str], before_epoch: Callable[[int, int], None]) -> None:
    """Run the command with `words`; the workers call `before_epoch(number, epoch)` at the start of each epoch."""
    connect = cluster.connect

    # Ray pickles this function together with `before_epoch` and sends it to the workers.
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

    def connect_and_watch(address: str | None, modules: Sequence[Path] = ()) -> None:
        connect(address, modules)
        # Import it only now, because Ray reads its settings when it is imported.
        from tuner.engine import session

        session.run_session = partial(session.run_session, trial=watched_trial)

    cluster.connect = connect_and_watch
    main(["run", *words])
