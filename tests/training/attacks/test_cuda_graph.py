"""Recordings without a GPU: a recorder that runs again what it was given, on the buffers that the recording owns."""

from collections.abc import Callable, Iterator

import pytest
import torch
from fake_recording import FakeCuda
from torch import Tensor, nn
from torch.nn import functional

from training.attacks import ascend, cross_entropy_of, divergence_from
from training.attacks.cuda_graph import CapturedAscent
from training.compute.cuda_recorder import CudaRecorder, RecordingError, Run
from training.compute.cuda_state import BrokenCudaError

NETWORK = nn.Sequential(nn.Flatten(), nn.Linear(36, 4))
LABELS = torch.arange(8) % 4


def images_of(seed: int, count: int = 8) -> Tensor:
    return torch.rand(count, 1, 6, 6, generator=torch.Generator().manual_seed(seed))


def attacked(images: Tensor, start: Tensor, loss: Callable[[Tensor], Tensor]) -> Tensor:
    return ascend(NETWORK, images, start, lambda x: loss(NETWORK(x)), epsilon=0.1, step_size=0.03, steps=3)


class Recorder:
    """Counts what it records; what `replay` gives lies in one buffer, as a graph's result does."""

    def __init__(self) -> None:
        self.recorded = 0

    def __call__(self, run: Run) -> Run:
        self.recorded += 1
        buffer = run()

        def replay() -> Tensor:
            return buffer.copy_(run())

        return replay


def test_a_recording_serves_every_batch_of_its_shape_and_loss() -> None:
    recorder = Recorder()
    captured = CapturedAscent(recorder)
    results = []
    for seed in range(4):
        images, start, labels = images_of(seed), images_of(seed), LABELS.roll(seed)
        found = captured((0.1,), attacked, images, start, cross_entropy_of(labels))
        results.append((found, attacked(images, start, cross_entropy_of(labels))))
    assert recorder.recorded == 1
    # At the end, so that a later batch in the same buffer would be seen.
    assert all(torch.equal(found, expected) for found, expected in results)


def test_each_shape_loss_and_key_has_a_recording_of_its_own() -> None:
    recorder = Recorder()
    captured = CapturedAscent(recorder)
    clean = NETWORK(images_of(0)).detach()
    for _ in range(2):
        for key, count, loss in (
            ((0.1,), 8, cross_entropy_of(LABELS)),
            ((0.2,), 8, cross_entropy_of(LABELS)),
            ((0.1,), 4, cross_entropy_of(LABELS[:4])),
            ((0.1,), 8, divergence_from(clean)),
        ):
            images, start = images_of(5, count), images_of(6, count)
            assert torch.equal(captured(key, attacked, images, start, loss), attacked(images, start, loss))
    assert recorder.recorded == 4


def test_a_loss_that_hides_its_target_is_not_recorded() -> None:
    recorder = Recorder()
    images = images_of(1)

    def loss(logits: Tensor) -> Tensor:
        return functional.cross_entropy(logits, LABELS)

    found = CapturedAscent(recorder)((0.1,), attacked, images, images, loss)
    assert torch.equal(found, attacked(images, images, loss))
    assert recorder.recorded == 0


def out_of_memory(run: Run) -> Run:
    del run
    raise torch.OutOfMemoryError("CUDA out of memory")


def stale(run: Run) -> Run:
    """As a graph does into which nothing was recorded: what it was made on stays."""
    first = run()
    return lambda: first


def broken_off(run: Run) -> Run:
    del run
    raise RecordingError("operation not permitted when stream is capturing")


@pytest.mark.parametrize("recorder", [out_of_memory, stale, broken_off])
def test_what_cannot_be_recorded_is_computed_and_said(recorder: Callable[[Run], Run]) -> None:
    captured = CapturedAscent(recorder)
    for seed in range(3):
        images = images_of(seed)
        loss = cross_entropy_of(LABELS)
        assert torch.equal(captured((0.1,), attacked, images, images, loss), attacked(images, images, loss))
    assert captured.fallback is not None


def broken_cuda(run: Run) -> Run:
    del run
    raise BrokenCudaError


def test_a_recording_that_broke_cuda_is_no_fallback() -> None:
    with pytest.raises(BrokenCudaError):
        CapturedAscent(broken_cuda)((0.1,), attacked, images_of(0), images_of(0), cross_entropy_of(LABELS))


@pytest.fixture
def _recordings_allowed_again() -> Iterator[None]:
    yield
    CudaRecorder.forbid(None)


@pytest.mark.usefixtures("_recordings_allowed_again")
def test_after_one_failure_no_trial_of_the_process_records_and_all_say_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cuda = FakeCuda(monkeypatch, works=True)
    texts = set()
    for seed in range(3):
        captured = CapturedAscent(CudaRecorder(torch.device("cpu")))
        images, loss = images_of(seed), cross_entropy_of(LABELS)
        assert torch.equal(captured((0.1,), attacked, images, images, loss), attacked(images, images, loss))
        texts.add(captured.fallback)
    assert cuda.attempts == 1
    (text,) = texts
    assert "CUBLAS_STATUS_ALLOC_FAILED" in str(text)
    assert "Details" not in str(text)
