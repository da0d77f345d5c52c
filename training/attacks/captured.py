"""All steps of an attack as one CUDA graph: recorded once, replayed for every batch, without Python in between.

A step of a small network is some two hundred kernels of a few microseconds; launched one by one from Python they take
three times as long as they compute (ResNet-18, batch 128, calculated; no GPU has run this yet).
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from training.attacks.attack_losses import AttackLoss

_log = logging.getLogger(__name__)

Run = Callable[[], Tensor]
# Records a run and gives what repeats it on whatever its inputs then hold.
Recorder = Callable[[Run], Run]
Ascend = Callable[[Tensor, Tensor, Callable[[Tensor], Tensor]], Tensor]
_WARM_UPS = 3
# Signs of gradients near 0 may differ where a recording chooses another kernel; a wrong recording differs everywhere.
_LEAST_AGREEMENT = 0.95


@dataclass(frozen=True)
class _Recording:
    images: Tensor
    start: Tensor
    target: Tensor
    replay: Run


class CapturedAscent:
    """Attacks by replaying recordings, one for each shape and loss; what cannot be recorded is computed as it is.

    `ascend(images, start, loss)` must read nothing that moves between calls but its arguments: weights are changed in
    place. A recording is compared with `ascend` when it is made, and given up where it differs; `fallback` then says
    why, and so does the log, once.
    """

    def __init__(self, recorder: Recorder) -> None:
        self.fallback: str | None = None
        self._recorder = recorder
        self._recordings: dict[tuple[Any, ...], _Recording] = {}

    def __call__(
        self, key: tuple[Any, ...], ascend: Ascend, images: Tensor, start: Tensor, loss: Callable[[Tensor], Tensor]
    ) -> Tensor:
        """Give what `ascend` would; `key` tells apart what else it depends on."""
        if self.fallback is not None or not isinstance(loss, AttackLoss):
            return ascend(images, start, loss)
        key = (*key, loss.of, images.shape, loss.target.shape)
        if key not in self._recordings:
            return self._record(key, ascend, images, start, loss)
        recording = self._recordings[key]
        recording.images.copy_(images)
        recording.start.copy_(start)
        recording.target.copy_(loss.target)
        return recording.replay().clone()

    def _record(self, key: tuple[Any, ...], ascend: Ascend, images: Tensor, start: Tensor, loss: AttackLoss) -> Tensor:
        expected = ascend(images, start, loss)
        own = images.clone(), start.clone(), loss.target.clone()
        try:
            replay = self._recorder(lambda: ascend(own[0], own[1], AttackLoss(loss.of, own[2])))
            # From the recording from its first batch on, so that a trial that is continued repeats its bits.
            found = replay().clone()
            agreement = (found == expected).double().mean().item()
        except RuntimeError as error:
            self._give_up(str(error).strip().splitlines()[0])
            return expected
        if agreement < _LEAST_AGREEMENT:
            self._give_up(f"its recording agrees with it in {100 * agreement:.1f} % of the pixels only")
            return expected
        self._recordings[key] = _Recording(*own, replay)
        return found

    def _give_up(self, reason: str) -> None:
        self.fallback = f"the attack is not replayed as a CUDA graph, but computed step by step: {reason}"
        self._recordings.clear()
        _log.warning("compile: %s", self.fallback)


def cuda_recorder(run: Run) -> Run:
    """Record a run on the current CUDA device."""
    stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):  # libraries choose kernels and workspaces in the first runs
        for _ in range(_WARM_UPS):
            run()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        result = run()

    def replay() -> Tensor:
        graph.replay()
        return result

    return replay
