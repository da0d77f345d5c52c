"""All steps of an attack as one CUDA graph: recorded once, replayed for every batch, without Python in between.

A step of a small network is some two hundred kernels of a few microseconds; launched one by one from Python they take
three times as long as they compute (ResNet-18, batch 128, calculated; no GPU has run this yet).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from training.attacks.attack_losses import AttackLoss

Run = Callable[[], Tensor]
# Records a run and gives what repeats it on whatever its inputs then hold.
Recorder = Callable[[Run], Run]
Ascend = Callable[[Tensor, Tensor, Callable[[Tensor], Tensor]], Tensor]
_WARM_UPS = 3
# Signs of gradients near 0 may differ where a recording chooses another kernel; a wrong recording differs everywhere.
_LEAST_AGREEMENT = 0.95


class RecordingError(RuntimeError):
    """A recording broke off; CUDA's state of this process is not to be trusted any more."""


@dataclass(frozen=True)
class _Recording:
    images: Tensor
    start: Tensor
    target: Tensor
    replay: Run

    def of(self, images: Tensor, start: Tensor, target: Tensor) -> Tensor:
        self.images.copy_(images)
        self.start.copy_(start)
        self.target.copy_(target)
        return self.replay().clone()


class CapturedAscent:
    """Attacks by replaying recordings, one for each shape and loss; what cannot be recorded is computed as it is.

    `ascend(images, start, loss)` must read nothing that moves between calls but its arguments: weights are changed in
    place. A recording is made on other images than the first batch's, and compared with `ascend` on that batch; where
    it differs, or where there is no room for it, it is given up for good, and `fallback` says so.
    """

    def __init__(self, recorder: Recorder) -> None:
        self.fallback: str | None = None
        self._recorder = recorder
        self._recordings: dict[tuple[Any, ...], _Recording] = {}

    def __call__(
        self, key: tuple[Any, ...], ascend: Ascend, images: Tensor, start: Tensor, loss: Callable[[Tensor], Tensor]
    ) -> Tensor:
        """Give what `ascend` would; `key` tells apart what else it depends on. Raise what the recorder raises."""
        if self.fallback is not None or not isinstance(loss, AttackLoss):
            return ascend(images, start, loss)
        key = (*key, loss.of, images.shape, loss.target.shape)
        if key in self._recordings:
            return self._recordings[key].of(images, start, loss.target)
        return self._record(key, ascend, images, start, loss)

    def _record(self, key: tuple[Any, ...], ascend: Ascend, images: Tensor, start: Tensor, loss: AttackLoss) -> Tensor:
        expected = ascend(images, start, loss)
        # Another order of the batch: a recording that repeats what it was made on, and no more, is found out.
        others = images.flip(0), start.flip(0), loss.target.flip(0)
        try:
            replay = self._recorder(lambda: ascend(others[0], others[1], AttackLoss(loss.of, others[2])))
            recording = _Recording(*others, replay)
            # From the recording from its first batch on, so that a trial that is continued repeats its bits.
            found = recording.of(images, start, loss.target)
            agrees = (found == expected).double().mean().item() >= _LEAST_AGREEMENT
        except torch.OutOfMemoryError:
            return self._given_up("there is no GPU memory for it", expected)
        if not agrees:
            return self._given_up("its recording gives other images", expected)
        self._recordings[key] = recording
        return found

    def _given_up(self, reason: str, instead: Tensor) -> Tensor:
        self.fallback = f"compile is auto, but the attack is no CUDA graph ({reason}): it is computed step by step"
        self._recordings.clear()
        return instead


class CudaRecorder:
    """Records runs on one CUDA device; all recordings share their memory, as only one is replayed at a time."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._pool: Any = None

    def __call__(self, run: Run) -> Run:
        """Record a run. Raise RecordingError if that breaks off, and what the run raises before."""
        with torch.cuda.device(self._device):
            self._warm_up(run)
            if self._pool is None:
                self._pool = torch.cuda.graph_pool_handle()
            graph = torch.cuda.CUDAGraph()
            before = torch.cuda.current_stream()
            try:
                with torch.cuda.graph(graph, pool=self._pool):
                    result = run()
            except torch.OutOfMemoryError:  # the recording was ended in order
                torch.cuda.set_stream(before)
                raise
            except RuntimeError as error:
                torch.cuda.set_stream(before)
                raise RecordingError(
                    f"The attack could not be recorded as a CUDA graph ({error}). Set compile: off, which needs none."
                ) from error

        def replay() -> Tensor:
            graph.replay()
            return result

        return replay

    @staticmethod
    def _warm_up(run: Run) -> None:
        """Let libraries choose kernels and workspaces, which they may not while a graph is recorded."""
        stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(_WARM_UPS):
                run()
        torch.cuda.current_stream().wait_stream(stream)
