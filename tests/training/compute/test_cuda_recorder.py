"""Recordings that fail, or for which memory is short."""

from collections.abc import Iterator

import pytest
import torch
from fake_recording import FakeCuda

from training.compute.cuda_recorder import CudaRecorder, CudaStepRecorder, RecordingError
from training.compute.cuda_state import BrokenCudaError

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def _recordings_allowed_again() -> Iterator[None]:
    yield
    CudaRecorder.forbid(None)


def run() -> torch.Tensor:
    return torch.ones(3)


def step_recorder() -> CudaStepRecorder:
    return CudaStepRecorder(CudaRecorder(CPU), torch.Generator())


def test_a_process_whose_cuda_fails_after_a_recording_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    FakeCuda(monkeypatch, works=False)
    with pytest.raises(BrokenCudaError):
        CudaRecorder(CPU)(run)


def test_a_step_that_cannot_be_recorded_forbids_other_steps_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    cuda = FakeCuda(monkeypatch, works=True)
    recorder = step_recorder()
    assert torch.equal(recorder.warm_up(run), run())
    with pytest.raises(RecordingError):
        recorder(run)
    with pytest.raises(RecordingError):
        step_recorder().warm_up(run)
    assert cuda.attempts == 1
    cuda.fails = False
    CudaRecorder(CPU)(run)
    assert cuda.attempts == 2


def test_a_reason_from_elsewhere_forbids_both(monkeypatch: pytest.MonkeyPatch) -> None:
    cuda = FakeCuda(monkeypatch, works=True, fails=False)
    CudaRecorder.forbid("a recording broke CUDA on this node")
    with pytest.raises(RecordingError):
        step_recorder().warm_up(run)
    with pytest.raises(RecordingError):
        CudaRecorder(CPU)(run)
    assert cuda.attempts == 0


@pytest.mark.parametrize(
    ("share", "needed", "fits"),
    # Of its share, the process has used 5 bytes; 60 + 10 bytes are left on the GPU. Two copies are needed.
    [(1.0, 10, True), (1.0, 35, True), (1.0, 36, False), (0.5, 17, True), (0.5, 18, False), (0.25, 8, False)],
)
def test_a_step_is_recorded_if_two_copies_of_it_fit(
    monkeypatch: pytest.MonkeyPatch, share: float, needed: int, *, fits: bool
) -> None:
    cuda = FakeCuda(monkeypatch, works=True, fails=False, share=share, needed=needed)
    recorder = step_recorder()
    recorder.warm_up(run)
    if fits:
        recorder(run)
    else:
        with pytest.raises(RecordingError):
            recorder(run)
    assert cuda.attempts == fits
