"""One trial inside a Ray worker: build the configuration, train, report each epoch with its checkpoint."""

import math
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ray import tune

# The newest checkpoint may be the one that a crash left incomplete elsewhere: the one before stays as well.
_KEPT_CHECKPOINTS = 2


def run_trial(assignment: dict[str, Any]) -> None:
    """Train one trial; `assignment` holds `number`, `trial` (the trainer's file form), `checkpoint`, `threads`.

    A crash is raised and retried by Ray from the last checkpoint. Divergence is reported as `error` instead:
    the same seed would diverge again.
    """
    import torch

    from training.config import TrialConfig
    from training.data import load_trial_data
    from training.trainer import DivergedError, Trainer

    torch.set_num_threads(assignment["threads"])
    config = TrialConfig.from_mapping(assignment["trial"])
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    trainer = Trainer(config, load_trial_data(config), device)
    checkpoint = tune.get_checkpoint() or _checkpoint_at(assignment["checkpoint"])
    if checkpoint is not None:
        with checkpoint.as_directory() as folder:
            trainer.restore(Path(folder))
    try:
        trainer.run(_Reporter())
    except DivergedError as error:
        tune.report({"epoch": trainer.epoch + 1, "error": str(error), "metrics": {}})


class _Reporter:
    """Sends epochs to the driver; a report returns only when the driver wants the next epoch."""

    def __init__(self) -> None:
        self._persisted: list[tune.Checkpoint] = []

    def __call__(self, epoch: int, metrics: Mapping[str, float], save: Callable[[Path], None]) -> None:
        # Before the report: a trial that the driver stops does not come back from it.
        self._prune()
        with tempfile.TemporaryDirectory(prefix="checkpoint-") as folder:
            save(Path(folder))
            tune.report(
                {"epoch": epoch, "metrics": dict(metrics)},
                checkpoint=tune.Checkpoint.from_directory(folder),
            )
        persisted = tune.get_checkpoint()
        if persisted is not None:
            self._persisted.append(persisted)

    def _prune(self) -> None:
        while len(self._persisted) >= _KEPT_CHECKPOINTS:
            old = self._persisted.pop(0)
            if old.filesystem is not None:
                old.filesystem.delete_dir(old.path)


def _checkpoint_at(path: str | None) -> tune.Checkpoint | None:
    return tune.Checkpoint(path) if path else None


def threads_for(cpus_per_trial: float) -> int:
    """Give the torch threads of a trial: its whole CPUs, at least one, so that trials don't crowd each other."""
    return max(1, math.floor(cpus_per_trial))
