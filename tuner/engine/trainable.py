"""One trial inside a Ray worker: train it, and report each epoch with its checkpoint."""

import gc
import logging
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from ray import tune

from tuner.engine.gpu_sharing import is_out_of_memory, out_of_memory_line, whole_gpu_error
from tuner.engine.ray_private import CHECKPOINT_PREFIX
from tuner.engine.trial_task import FALLBACKS_KEY, ConfirmationTask, TrialTask, task_of

if TYPE_CHECKING:  # the first trial imports torch in the worker; the driver never does it through this module
    from training.data import TrialData
    from training.trainer import Trainer

    Lead = Callable[[TrialTask, TrialData], AbstractContextManager[Trainer]]

_log = logging.getLogger(__name__)

# A crash may have left the newest checkpoint incomplete in the storage. The one before it is kept as well, until a
# third one is on record.
_KEPT_CHECKPOINTS = 2
_UNSENT = "unsent-checkpoint-"


class TuneSession(Protocol):
    """The part of the module `ray.tune` that a trial uses in its worker."""

    def report(self, metrics: dict[str, Any], *, checkpoint: Any = None) -> None:
        """Send a report, with a `tune.Checkpoint` or without; return when the driver wants the next epoch."""

    def get_checkpoint(self) -> tune.Checkpoint | None:
        """Return the trial's newest checkpoint of this session."""


def run_trial(config: dict[str, Any]) -> None:
    """Run the trial whose task is in Ray Tune's `config`, in a worker of Ray Tune."""
    run_task(task_of(config), tune)


def run_task(task: TrialTask, session: TuneSession, lead: "Lead | None" = None) -> None:
    """Run one trial with the trainer that `lead` makes, by default `several_gpus.leading_trainer`.

    A crash is raised, and Ray retries the trial from its last checkpoint. So is data that cannot be read, which
    another node may have. What every retry would meet again is reported as `error`: a configuration that does not suit
    the data, divergence, and a metric of the user's own that fails. `out_of_memory` is reported if a part of a GPU was
    too little. OutOfGpuMemoryError is raised if a whole GPU was too little. A process whose CUDA is broken always
    raises: Ray uses it no more.
    """
    import torch

    from training.compute.cuda_state import BrokenCudaError, require_working_cuda

    _heed_failed_recordings()
    try:
        _run(task, session, lead)
    except BrokenCudaError as error:
        _remember_failed_recording(error)
        raise
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        if task.gpus >= 1:
            raise whole_gpu_error(error) from error
        line = out_of_memory_line(task.gpus, error)
    else:
        return
    # Only here, without the error, does nothing hold the trial's tensors any more. The process may run another trial.
    gc.collect()
    if task.device == "cuda":
        require_working_cuda(torch.device("cuda"))
    torch.cuda.empty_cache()
    session.report({"epoch": 0, "out_of_memory": line, "metrics": {}})


def _heed_failed_recordings() -> None:
    """Record no CUDA graph if a recording broke CUDA in another process of this session on this node."""
    from training.compute.cuda_recorder import CudaRecorder

    if _failed_recordings().exists():
        CudaRecorder.forbid("a recording broke CUDA on this node")


def _remember_failed_recording(error: BaseException) -> None:
    _log.warning("CUDA broke in this process; the next ones record no CUDA graph: %s", error)
    _failed_recordings().touch()


def _failed_recordings() -> Path:
    """Return the file that says so, beside the folders of this session's trials on this node."""
    return Path.cwd().parent / "recordings-failed"


def _run(task: TrialTask, session: TuneSession, lead: "Lead | None") -> None:
    import torch

    from training.config import ConfigError
    from training.outside_code import import_all
    from tuner.engine.node_data import load_on_this_node, require_same_start
    from tuner.engine.several_gpus import leading_trainer

    torch.set_num_threads(task.threads)
    if task.device == "cuda":  # a trial that needs more than its share runs out of memory, and no neighbour does
        torch.cuda.set_per_process_memory_fraction(min(1.0, task.gpus))
    # A process of this trial that was killed may have left checkpoints. Ray gives each trial a folder of its own.
    for left in Path.cwd().glob(f"{_UNSENT}*"):
        shutil.rmtree(left, ignore_errors=True)
    try:
        import_all(task.config.imports)
        data = load_on_this_node(task.config, task.split_digest)
        with (lead or leading_trainer)(task, data) as trainer:
            require_same_start(task.config.start_weights, trainer.start, task.start_digest)
            _train(trainer, task, session)
    except ConfigError as error:
        session.report({"epoch": 0, "error": str(error), "metrics": {}})


def _train(trainer: "Trainer", task: TrialTask, session: TuneSession) -> None:
    from training.attacks import AttackError
    from training.trainer import DivergedError, MetricError

    confirmation = task.confirmation
    if confirmation is not None and confirmation.weights is not None:
        _measure_weights(trainer, confirmation, confirmation.weights, session)
        return
    _restore(trainer, _candidates(session.get_checkpoint(), task.checkpoints))
    try:
        trainer.run(_Reporter(trainer, session, task))
    except AttackError as error:
        session.report({"epoch": trainer.epoch, "error": f"the evaluation on the test set: {error}", "metrics": {}})
    except (DivergedError, MetricError) as error:
        session.report({"epoch": trainer.epoch + 1, "error": str(error), "metrics": {}})


class _Reporter:
    """Sends epochs to the driver; a report returns only when the driver wants the next epoch."""

    def __init__(self, trainer: "Trainer", session: TuneSession, task: TrialTask) -> None:
        self._trainer = trainer
        self._session = session
        self._confirmation = task.confirmation
        self._kept = task.kept
        self._stored: dict[int, tune.Checkpoint] = {}  # by epoch, those that this process has written

    def __call__(self, epoch: int, metrics: Mapping[str, float], save: Callable[[Path], None]) -> None:
        # Before the report: a trial that the driver stops does not come back from it.
        self._prune()
        if self._confirmation is not None and epoch >= self._trainer.epochs:
            metrics = _with_test_set(metrics, self._trainer, self._confirmation)
        with tempfile.TemporaryDirectory(prefix=_UNSENT, dir=Path.cwd()) as folder:
            save(Path(folder))
            self._session.report(
                {"epoch": epoch, "metrics": dict(metrics), FALLBACKS_KEY: self._trainer.fallbacks},
                checkpoint=tune.Checkpoint.from_directory(folder),
            )
        stored = self._session.get_checkpoint()
        if stored is not None:
            self._stored[epoch] = stored

    def _prune(self) -> None:
        """Remove the checkpoints that neither a continuation nor the front needs.

        Only epochs on record count: one that dominates another may be lost before its own checkpoint is stored.
        """
        older = list(self._stored)[:-_KEPT_CHECKPOINTS]
        recorded = self._trainer.history[: max(self._stored, default=0)]
        needed = () if self._kept is None else self._kept.of(recorded)
        for epoch in older:
            if epoch not in needed:
                old = self._stored.pop(epoch)
                if old.filesystem is not None:
                    old.filesystem.delete_dir(old.path)


def _measure_weights(trainer: "Trainer", confirmation: ConfirmationTask, weights: str, session: TuneSession) -> None:
    """Measure the weights of the confirmed trial itself; report a model that no attack can measure.

    A checkpoint that is missing or damaged is raised: it may be restored, so it is no result of the trial.
    """
    from training.attacks import AttackError

    try:
        with tune.Checkpoint(weights).as_directory() as folder:
            trainer.restore(Path(folder))
        metrics = _with_test_set(trainer.history[-1], trainer, confirmation)
    except AttackError as error:
        session.report({"epoch": 0, "error": str(error), "metrics": {}})
        return
    session.report({"epoch": trainer.epoch, "metrics": metrics})


def _with_test_set(
    metrics: Mapping[str, float], trainer: "Trainer", confirmation: ConfirmationTask
) -> dict[str, float]:
    """Return the metrics of the last epoch, with accuracies on the test set in the place of those of the validation."""
    from training.config import ATTACK_STEPS
    from tuner.engine.final_evaluation import measure_on_test_set

    kept = {name: value for name, value in metrics.items() if name != ATTACK_STEPS}  # the suite has its own attacks
    return {**kept, **measure_on_test_set(trainer, confirmation)}


def _candidates(newest: tune.Checkpoint | None, recorded: Sequence[str]) -> Iterator[tune.Checkpoint]:
    """Yield the checkpoints that a trial may continue from, the best first.

    They are those on record when the trial was handed out, or when it crashed in this session. After such a crash come
    Ray's newest checkpoint and those before it.
    """
    yield from map(tune.Checkpoint, recorded)
    if newest is not None:
        yield newest
        yield from _earlier(newest)


def _earlier(newest: tune.Checkpoint) -> list[tune.Checkpoint]:
    """List the checkpoints beside `newest`, the latest first, without later ones: their epochs are not on record."""
    from pyarrow.fs import FileSelector

    if newest.filesystem is None:
        return []
    folder, _, name = newest.path.rstrip("/").rpartition("/")
    beside = newest.filesystem.get_file_info(FileSelector(folder, allow_not_found=True))
    names = sorted((info.base_name for info in beside if info.base_name.startswith(CHECKPOINT_PREFIX)), reverse=True)
    return [tune.Checkpoint(f"{folder}/{other}", newest.filesystem) for other in names if other < name]


def _restore(trainer: "Trainer", candidates: Iterable[tune.Checkpoint]) -> None:
    """Continue from the first checkpoint that is whole; without one the trial begins again.

    A storage that cannot be reached is raised, so that Ray tries again: it says nothing against the checkpoint.
    Nothing is decided twice: an epoch that is on record keeps its first decision.
    """
    from training.trainer.checkpoint import CheckpointError, StorageError

    for checkpoint in candidates:
        try:
            with checkpoint.as_directory() as folder:
                trainer.restore(Path(folder))
        except StorageError:
            raise
        except (CheckpointError, FileNotFoundError, NotADirectoryError) as error:
            _log.warning("This checkpoint cannot be used, the trial tries an earlier one: %s", error)
        else:
            return
