"""One trial inside a Ray worker: build the configuration, train, report each epoch with its checkpoint."""

import gc
import logging
import math
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ray import tune

from tuner.engine.fallbacks import REPORTED
from tuner.engine.gpu_sharing import is_out_of_memory, out_of_memory_line, whole_gpu_error

if TYPE_CHECKING:  # torch is imported in the worker, by the first trial
    from training.trainer import Trainer

_log = logging.getLogger(__name__)
_LastStep = Callable[[int], Mapping[str, float]]

# The newest checkpoint may be the one that a crash left incomplete elsewhere: the one before stays as well, until
# a third is on record.
_KEPT_CHECKPOINTS = 2
_UNSENT = "unsent-checkpoint-"


def run_trial(assignment: dict[str, Any]) -> None:
    """Train one trial.

    `assignment` holds `number`, `trial` (the trainer's file form), `checkpoints`, `device`, `gpus`, `threads`,
    `processes` (one for each GPU of several), `split_digest` and, for a trial of a confirmation, `confirmation`.

    A crash is raised and retried by Ray from the last checkpoint; so is data that cannot be read, which another
    node may have. Reported as `error` is what every retry would meet again: a configuration that does not suit the
    data, and divergence; as `out_of_memory`, that a part of a GPU was too little.

    Raises:
        OutOfGpuMemoryError: if a whole GPU was too little.

    """
    import torch

    try:
        _run(assignment)
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        if assignment["gpus"] >= 1:
            raise whole_gpu_error(error) from error
        line = out_of_memory_line(assignment["gpus"], error)
    else:
        return
    # Only here, without the error, nothing holds the trial's tensors any more; the process may serve another trial.
    gc.collect()
    torch.cuda.empty_cache()
    tune.report({"epoch": 0, "out_of_memory": line, "metrics": {}})


def _run(assignment: dict[str, Any]) -> None:
    import torch

    from training.config import ConfigError, parse_trial
    from tuner.engine.node_data import load_on_this_node
    from tuner.engine.several_gpus import leading_trainer

    torch.set_num_threads(assignment["threads"])
    if assignment["device"] == "cuda":  # so that who needs more than its share runs out of memory, and no neighbour
        torch.cuda.set_per_process_memory_fraction(min(1.0, assignment["gpus"]))
    config = parse_trial(assignment["trial"])
    for left in Path.cwd().glob(f"{_UNSENT}*"):  # by a process of this trial that was killed; Ray gives each its folder
        shutil.rmtree(left, ignore_errors=True)
    try:
        data = load_on_this_node(config, assignment["split_digest"])
        with leading_trainer(assignment, data) as trainer:
            _train(trainer, assignment)
    except ConfigError as error:
        tune.report({"epoch": 0, "error": str(error), "metrics": {}})


def _train(trainer: "Trainer", assignment: Mapping[str, Any]) -> None:
    from training.attacks import AttackError
    from training.trainer import DivergedError

    confirmation = assignment["confirmation"]
    if confirmation is not None and confirmation["weights"] is not None:
        _measure_trained(trainer, confirmation)
        return
    _restore(trainer, _candidates(tune.get_checkpoint(), assignment["checkpoints"]))
    try:
        trainer.run(_Reporter(trainer, None if confirmation is None else _last_step(trainer, confirmation)))
    except AttackError as error:
        tune.report({"epoch": trainer.epoch, "error": f"the evaluation on the test set: {error}", "metrics": {}})
    except DivergedError as error:
        tune.report({"epoch": trainer.epoch + 1, "error": str(error), "metrics": {}})


class _Reporter:
    """Sends epochs to the driver; a report returns only when the driver wants the next epoch."""

    def __init__(self, trainer: "Trainer", last_step: _LastStep | None) -> None:
        self._trainer = trainer
        self._persisted: list[tune.Checkpoint] = []
        self._last_step = last_step

    def __call__(self, epoch: int, metrics: Mapping[str, float], save: Callable[[Path], None]) -> None:
        # Before the report: a trial that the driver stops does not come back from it.
        self._prune()
        if self._last_step is not None:
            metrics = {**metrics, **self._last_step(epoch)}
        with tempfile.TemporaryDirectory(prefix=_UNSENT, dir=Path.cwd()) as folder:
            save(Path(folder))
            tune.report(
                {"epoch": epoch, "metrics": dict(metrics), REPORTED: self._trainer.fallbacks},
                checkpoint=tune.Checkpoint.from_directory(folder),
            )
        persisted = tune.get_checkpoint()
        if persisted is not None:
            self._persisted.append(persisted)

    def _prune(self) -> None:
        while len(self._persisted) > _KEPT_CHECKPOINTS:
            old = self._persisted.pop(0)
            if old.filesystem is not None:
                old.filesystem.delete_dir(old.path)


def _last_step(trainer: "Trainer", confirmation: dict[str, Any]) -> _LastStep:
    """Measure on the test set once the last epoch is trained."""

    def step(epoch: int) -> Mapping[str, float]:
        from tuner.engine.final_evaluation import measure_on_test_set

        return measure_on_test_set(trainer, confirmation) if epoch >= trainer.epochs else {}

    return step


def _measure_trained(trainer: "Trainer", confirmation: dict[str, Any]) -> None:
    """Measure the weights of the confirmed trial itself; an unfit checkpoint is final, and reported."""
    from training.attacks import AttackError
    from training.trainer.checkpoint import CheckpointError, StorageError
    from tuner.engine.final_evaluation import measure_on_test_set

    try:
        with tune.Checkpoint(confirmation["weights"]).as_directory() as folder:
            trainer.restore(Path(folder))
        metrics = {**trainer.history[-1], **measure_on_test_set(trainer, confirmation)}
    except StorageError:
        raise
    except (CheckpointError, AttackError) as error:
        tune.report({"epoch": 0, "error": str(error), "metrics": {}})
        return
    tune.report({"epoch": trainer.epoch, "metrics": metrics})


def _candidates(newest: tune.Checkpoint | None, recorded: Sequence[str]) -> Iterator[tune.Checkpoint]:
    """Give what a trial may continue from: after a crash in this session Ray's newest checkpoint and those before
    it, then those on record when the trial was handed out.
    """
    if newest is not None:
        yield newest
        yield from _before(newest)
    yield from map(tune.Checkpoint, recorded)


def _before(newest: tune.Checkpoint) -> list[tune.Checkpoint]:
    """List the checkpoints beside one, the latest first; a later one is left out, since its epoch is not on record."""
    from pyarrow.fs import FileSelector

    if newest.filesystem is None:
        return []
    folder, _, name = newest.path.rstrip("/").rpartition("/")
    beside = newest.filesystem.get_file_info(FileSelector(folder, allow_not_found=True))
    names = sorted((info.base_name for info in beside if info.base_name.startswith("checkpoint_")), reverse=True)
    return [tune.Checkpoint(f"{folder}/{other}", newest.filesystem) for other in names if other < name]


def _restore(trainer: "Trainer", candidates: Iterable[tune.Checkpoint]) -> None:
    """Continue from the first checkpoint that is whole; without one the trial begins again.

    A storage that cannot be reached is raised, so that Ray tries again: it says nothing against the checkpoint.
    Nothing is decided twice: an epoch that is on record keeps the decision of the first time.
    """
    from training.trainer.checkpoint import CheckpointError, StorageError

    for checkpoint in candidates:
        try:
            with checkpoint.as_directory() as folder:
                trainer.restore(Path(folder))
        except StorageError:
            raise
        except (CheckpointError, FileNotFoundError, NotADirectoryError) as error:
            _log.warning("Checkpoint skipped: %s", error)
        else:
            return


def threads_for(cpus_per_trial: float, processes: int = 1) -> int:
    """Give the torch threads of each process of a trial: its whole CPUs, at least one, so that none crowds another."""
    return max(1, math.floor(cpus_per_trial / processes))
