"""A trial in a worker, with a stand-in for Ray Tune's session."""

import errno
import hashlib
import os
import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from raises_about import raises_about
from ray import tune
from ray_stand_ins import trial_task

from training.compute.cuda_recorder import CudaRecorder, RecordingError
from training.compute.cuda_state import BrokenCudaError
from training.config import ATTACK_STEPS, ConfigError, TrialConfig
from training.data import DataError, TrialData
from training.models import build_model
from training.trainer import OnStep, Trainer
from training.trainer.checkpoint import StorageError
from tuner.engine import final_evaluation
from tuner.engine.gpu_sharing import OutOfGpuMemoryError
from tuner.engine.trainable import run_task
from tuner.engine.trial_task import ConfirmationTask, TrialTask


class Session:
    """Stands in for Ray Tune's session in a worker."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.index = 0
        self.reports: list[dict[str, Any]] = []
        self.newest: tune.Checkpoint | None = None
        self.on_disk: list[list[str]] = []

    def report(self, metrics: dict[str, Any], checkpoint: tune.Checkpoint | None = None) -> None:
        if checkpoint is not None:
            self.on_disk.append(sorted(path.name for path in self.folder.iterdir()))
            kept = self.folder / f"checkpoint_{self.index:06d}"
            shutil.copytree(checkpoint.path, kept)
            self.newest = tune.Checkpoint(str(kept))
            self.index += 1
        self.reports.append(metrics)

    @property
    def epochs(self) -> list[int]:
        """The epochs that were reported."""
        return [report["epoch"] for report in self.reports]

    def get_checkpoint(self) -> tune.Checkpoint | None:
        return self.newest


@pytest.fixture
def session(tmp_path: Path) -> Session:
    session = Session(tmp_path / "trial-0000")
    session.folder.mkdir()
    return session


def task(**trial: Any) -> TrialTask:
    settings = {"train_fraction": 0.05, "eval_images": 10, "augmentation": "none", "epochs": 3, "attack_steps": 1}
    return trial_task(trial=settings | {"eval_attack_steps": 1, "batch_size": 32} | trial)


def test_data_that_this_node_lacks_is_raised_for_ray_to_try_elsewhere(session: Session, tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    with pytest.raises(DataError) as caught:
        run_task(task(dataset="folder", architecture="cnn4", data_root=str(missing)), session)
    assert str(missing) in str(caught.value)
    assert session.reports == []


def test_a_node_with_other_start_weights_is_refused(session: Session, tmp_path: Path) -> None:
    plain = task(epochs=1)
    config = plain.config
    path = tmp_path / "weights.pt"
    with torch.random.fork_rng():
        torch.save(build_model(config, 10, (1, 8, 8)).state_dict(), path)
    found = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    started = replace(plain, config=replace(config, start_weights=str(path)))
    with raises_about(DataError, (found, "another")):
        run_task(replace(started, start_digest="another"), session)
    assert session.reports == []
    run_task(replace(started, start_digest=found), session)
    assert session.epochs == [1]


def test_a_configuration_that_does_not_suit_the_data_is_final(session: Session) -> None:
    run_task(task(architecture="cnn4"), session)
    (report,) = session.reports
    assert report["epoch"] == 0
    assert "cnn4" in report["error"]


def test_divergence_is_final(session: Session) -> None:
    run_task(task(learning_rate=1e30), session)
    (report,) = session.reports
    assert report["epoch"] == 1
    assert "epoch 1" in report["error"]


def test_the_driver_is_told_which_attack_measured_an_epoch(session: Session) -> None:
    run_task(task(eval_attack_steps=4, eval_early_attack_steps=1), session)
    assert [report["metrics"][ATTACK_STEPS] for report in session.reports] == [1, 1, 4]


def test_accuracies_on_the_test_set_do_not_have_the_attack_of_the_validation(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    confirmation = ConfirmationTask(suite="quick", images=10, folder="evaluation", weights=None)
    monkeypatch.setattr(final_evaluation, "measure_on_test_set", lambda *_: {"pgd_accuracy": 0.125})
    trial = replace(task(eval_attack_steps=4, eval_early_attack_steps=1), confirmation=confirmation)
    run_task(trial, session)
    *early, last = (report["metrics"] for report in session.reports)
    assert [metrics[ATTACK_STEPS] for metrics in early] == [1, 1]
    assert ATTACK_STEPS not in last
    assert last["pgd_accuracy"] == 0.125


def damage(checkpoint: Path) -> None:
    (checkpoint / "checkpoint.pt").write_bytes(b"damaged")


def test_two_checkpoints_are_on_disk_while_the_next_is_written(session: Session) -> None:
    run_task(task(epochs=5), session)
    assert session.epochs == [1, 2, 3, 4, 5]
    assert session.on_disk == [
        [],
        ["checkpoint_000000"],
        ["checkpoint_000000", "checkpoint_000001"],
        ["checkpoint_000001", "checkpoint_000002"],
        ["checkpoint_000002", "checkpoint_000003"],
    ]


def test_a_retry_takes_the_newest_checkpoint_that_is_whole(session: Session) -> None:
    run_task(task(), session)
    whole = {report["epoch"]: report["metrics"]["loss/total"] for report in session.reports}
    session.reports.clear()
    damage(session.folder / "checkpoint_000002")
    run_task(task(), session)
    assert session.epochs == [3], "from the checkpoint before the newest"
    assert session.reports[0]["metrics"]["loss/total"] == whole[3]


def test_a_checkpoint_on_record_that_ray_does_not_know_yet_is_taken(session: Session) -> None:
    run_task(task(), session)
    session.reports.clear()
    session.newest = tune.Checkpoint(str(session.folder / "checkpoint_000000"))
    run_task(replace(task(), checkpoints=(str(session.folder / "checkpoint_000001"),)), session)
    assert session.epochs == [3]


def test_a_checkpoint_later_than_rays_newest_is_not_on_record_and_not_taken(session: Session) -> None:
    run_task(task(), session)
    session.reports.clear()
    session.newest = tune.Checkpoint(str(session.folder / "checkpoint_000001"))
    run_task(task(), session)
    assert session.epochs == [3]


def test_a_retry_without_checkpoints_of_its_own_takes_those_on_record(session: Session, tmp_path: Path) -> None:
    run_task(task(), session)
    elsewhere = session.folder.rename(tmp_path / "session-1")
    on_record = str(elsewhere / "checkpoint_000001")
    session.folder.mkdir()
    session.reports.clear()
    run_task(replace(task(), checkpoints=(str(tmp_path / "gone"), on_record)), session)
    assert session.epochs == [3]
    session.reports.clear()
    for checkpoint in [*elsewhere.iterdir(), *session.folder.iterdir()]:
        damage(checkpoint)
    run_task(replace(task(), checkpoints=(on_record,)), session)
    assert session.epochs == [1, 2, 3], "nothing is whole"


def test_a_storage_that_cannot_be_reached_costs_no_epoch(session: Session) -> None:
    run_task(task(), session)
    session.reports.clear()
    file = session.folder / "checkpoint_000002" / "checkpoint.pt"
    away = file.rename(file.with_name("away.pt"))
    file.symlink_to(file)  # opening it is an error of the file system
    with pytest.raises(StorageError) as caught:
        run_task(task(), session)
    assert os.strerror(errno.ELOOP) in str(caught.value)
    assert session.reports == []
    away.replace(file)
    run_task(task(), session)
    assert session.reports == [], "all epochs were trained"


class FailingTrainer(Trainer):
    """A trainer whose epochs fail."""

    def __init__(self, error: RuntimeError, config: TrialConfig, data: TrialData) -> None:
        super().__init__(config, data, "cpu")
        self.error = error

    def train_epoch(self, on_step: OnStep | None = None) -> dict[str, float]:
        del on_step
        raise self.error


def failing(error: RuntimeError) -> Callable[[TrialTask, TrialData], AbstractContextManager[Trainer]]:
    """Return a factory of trainers whose epochs fail with `error`."""
    return lambda task, data: nullcontext(FailingTrainer(error, task.config, data))


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.\nDetails"),
        RuntimeError("CUDA error: out of memory\nDetails"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    ],
)
def test_gpu_memory_that_is_used_up_is_named(session: Session, error: RuntimeError) -> None:
    run_task(replace(task(), gpus=0.25), session, failing(error))
    (report,) = session.reports
    reason, _, _ = str(error).partition("\n")
    assert all(fact in report["out_of_memory"] for fact in ("0.25", reason, "0.5"))
    with pytest.raises(OutOfGpuMemoryError) as caught:
        run_task(replace(task(), gpus=1.0), session, failing(error))
    assert all(fact in str(caught.value) for fact in (reason, "batch_size"))


@pytest.mark.parametrize("share", [0.25, 1.0])
def test_a_trial_gets_no_more_of_a_gpus_memory_than_its_share(
    session: Session, monkeypatch: pytest.MonkeyPatch, share: float
) -> None:
    shares: list[float] = []

    def stop(*_: Any) -> Any:
        raise ConfigError([("architecture", "no GPU here")])

    monkeypatch.setattr(torch.cuda, "set_per_process_memory_fraction", shares.append)
    run_task(replace(task(), gpus=share, device="cuda"), session, stop)
    assert shares == [share]
    assert session.reports[0]["error"] == "architecture: no GPU here"


class SlowerTrainer(Trainer):
    """A trainer on a machine that lacks what the configuration asks for."""

    @property
    def fallbacks(self) -> list[str]:
        return ["float32 in place of bf16"]


def test_what_the_trainer_fell_back_to_is_reported(session: Session) -> None:
    run_task(task(epochs=1), session, lambda task, data: nullcontext(SlowerTrainer(task.config, data, "cpu")))
    assert session.reports[0]["fallbacks"] == ["float32 in place of bf16"]


def test_another_error_of_torch_stays_what_it_is(session: Session) -> None:
    error = RuntimeError("CUDA error: device-side assert triggered")
    with pytest.raises(RuntimeError) as caught:
        run_task(replace(task(), gpus=0.25), session, failing(error))
    assert caught.value is error
    assert session.reports == []


def test_a_message_that_quotes_a_lack_of_memory_is_none(session: Session) -> None:
    """Such as that of a recording in which a library could not get its workspace."""
    error = RuntimeError("The attack could not be recorded (CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling x)")
    with pytest.raises(RuntimeError) as caught:
        run_task(replace(task(), gpus=0.25), session, failing(error))
    assert caught.value is error


def test_after_cuda_broke_in_a_process_the_next_ones_record_no_graph(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    trials = [session.folder.parent / name for name in ("one", "two")]
    for trial in trials:
        trial.mkdir()
    monkeypatch.chdir(trials[0])
    with pytest.raises(BrokenCudaError):
        run_task(replace(task(), gpus=0.25), session, failing(BrokenCudaError("illegal memory access")))
    assert session.reports == []
    monkeypatch.chdir(trials[1])
    try:
        run_task(task(epochs=1), session)
        with pytest.raises(RecordingError):
            CudaRecorder(torch.device("cpu"))(lambda: torch.zeros(1))
    finally:
        CudaRecorder.forbid(None)
    assert session.epochs == [1]


def test_a_configuration_that_several_gpus_cannot_train_is_reported(session: Session) -> None:
    """The ends of a range are checked when a search starts, not what lies between."""
    run_task(replace(task(batch_size=33), processes=2), session)
    (report,) = session.reports
    assert report["error"].startswith("batch_size: ")
    assert "33" in report["error"]
