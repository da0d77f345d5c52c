"""Records all steps of an attack as one CUDA graph and replays it for every batch, without Python between the steps.

One step of a small network launches about two hundred kernels of a few microseconds each. Launched one by one from
Python they take three times as long as they compute (ResNet-18, batch 128, calculated, not measured).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from training.attacks.attack_losses import AttackLoss
from training.compute.cuda_recorder import Recorder, RecordingError, Run

Ascend = Callable[[Tensor, Tensor, Callable[[Tensor], Tensor]], Tensor]
# If a recording uses another kernel, the signs of gradients near 0 may differ, and in l2 all values by rounding. A
# wrong recording differs everywhere, by more than that.
_LEAST_AGREEMENT, _SAME = 0.95, 1e-4


@dataclass(frozen=True)
class _Recording:
    images: Tensor
    start: Tensor
    target: Tensor
    replay: Run

    def replay_on(self, images: Tensor, start: Tensor, target: Tensor) -> Tensor:
        self.images.copy_(images)
        self.start.copy_(start)
        self.target.copy_(target)
        return self.replay().clone()


class CapturedAscent:
    """Replays a recording of the attack for each shape and loss, and computes what cannot be recorded step by step.

    Between two calls `ascend(images, start, loss)` must read no tensor that moves in memory, except its arguments:
    weights have to be changed in place. The recording is made on other images than the first batch and then compared
    with `ascend` on that batch. If it fails, differs, or does not fit into GPU memory, no attack is replayed any more,
    and `fallback` gives the reason.
    """

    def __init__(self, recorder: Recorder) -> None:
        self.fallback: str | None = None
        self._recorder = recorder
        self._recordings: dict[tuple[Any, ...], _Recording] = {}

    def __call__(
        self, key: tuple[Any, ...], ascend: Ascend, images: Tensor, start: Tensor, loss: Callable[[Tensor], Tensor]
    ) -> Tensor:
        """Return the result of `ascend`. `key` identifies everything else that the result depends on.

        Raise the errors of the recorder, except RecordingError and OutOfMemoryError.
        """
        if self.fallback is not None or not isinstance(loss, AttackLoss):
            return ascend(images, start, loss)
        key = (*key, loss.function, images.shape, loss.target.shape)
        if key in self._recordings:
            return self._recordings[key].replay_on(images, start, loss.target)
        return self._record(key, ascend, images, start, loss)

    def _record(self, key: tuple[Any, ...], ascend: Ascend, images: Tensor, start: Tensor, loss: AttackLoss) -> Tensor:
        expected = ascend(images, start, loss)
        # The batch in another order: this reveals a recording that only repeats the images that it was made on.
        others = images.flip(0), start.flip(0), loss.target.flip(0)
        try:
            replay = self._recorder(lambda: ascend(others[0], others[1], AttackLoss(loss.function, others[2])))
            recording = _Recording(*others, replay)
            # The first batch's result comes from the recording too, so that a resumed trial repeats the same bits.
            found = recording.replay_on(images, start, loss.target)
            agrees = ((found - expected).abs() < _SAME).double().mean().item() >= _LEAST_AGREEMENT
        except torch.OutOfMemoryError:
            return self._give_up("the GPU has too little memory for it", expected)
        except RecordingError as error:
            return self._give_up(str(error), expected)
        if not agrees:
            return self._give_up("its recording produces other images", expected)
        self._recordings[key] = recording
        return found

    def _give_up(self, reason: str, instead: Tensor) -> Tensor:
        self.fallback = f"compile: the attack is no CUDA graph ({reason}): it is computed step by step"
        self._recordings.clear()
        return instead
