"""Replays a whole training step as one CUDA graph: attack, both passes, update and all that they draw.

What changes from step to step comes from tensors that keep their place in memory: the positions of the images, the
learning rate, and the weights of the terms. Python then starts one graph for a step instead of thousands of kernels.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from training.attacks import InnerAttack
from training.compute.cuda_recorder import CudaStepRecorder, RecordingError, Run, StepRecorder
from training.compute.parallel import Group
from training.config import TrialConfig
from training.losses import Objective
from training.registry import ARCHITECTURES
from training.trainer.step_state import StepState, moved_alike
from training.trainer.tried_step import has_tried_parts

# From the positions of the images, (batch,), and `step_scalars` of the step to its losses, (terms + 1,).
Step = Callable[[Tensor, Tensor], Tensor]
# If a recording uses another kernel, a few signs of the attack's gradients differ, and so do the weights. A wrong
# recording changes all of them, or none.
_TOLERANCE = 0.1


def recording_obstacle(config: TrialConfig, *, kind: str, processes: int) -> str | None:
    """Return why no training step of `config` is recorded on devices of a kind, or None if it may be."""
    if kind != "cuda":
        return "only CUDA has graphs"
    if config.compile == "off":
        return "compile is off"
    if processes > 1:
        return "the processes of several GPUs wait for each other in a step"
    if has_tried_parts(config) or not ARCHITECTURES[config.architecture].is_own:
        return "code from outside may compute something else in each step"
    return None


def step_recording(
    config: TrialConfig, objective: Objective, attack: InnerAttack, generator: torch.Generator, group: Group
) -> "RecordedStep | None":
    """Return what replays the steps of a trial that draws from `generator`, or None if they are computed one by one."""
    obstacle = recording_obstacle(config, kind=generator.device.type, processes=group.size) or objective.unrecorded
    if obstacle is not None or attack.recorder is None:
        return None
    return RecordedStep(CudaStepRecorder(attack.recorder, generator))


class RecordedStep:
    """Records the first step that it is given and replays it for all, until it is told to `forget`.

    The step is computed as usual first. Then everything is put back, the step is recorded, and its replay is compared.
    So the results of all steps come from the replay, and a resumed trial repeats the same bits. If the recording
    fails, differs, or does not fit into GPU memory, no step is replayed any more, and `fallback` gives the reason.
    """

    def __init__(self, recorder: StepRecorder) -> None:
        self.fallback: str | None = None
        self._recorder = recorder
        self._indices = self._scalars = torch.empty(0)
        self._replay: Run | None = None

    def forget(self) -> None:
        """Drop the recording: what it addresses has moved in memory."""
        self._replay = None

    def __call__(
        self,
        step: Step,
        keep: Callable[[], StepState],
        indices: Tensor,
        scalars: Tensor,
        unfit: Callable[[], str | None] = lambda: None,
    ) -> Tensor | None:
        """Take a step and return its losses, or return None: then nothing has changed, and it cannot be recorded.

        `keep` keeps the present state. `unfit` says after a step why it may compute something else each time. The
        shapes of `indices` and `scalars` are the same in every call. Raise BrokenCudaError if CUDA fails.
        """
        if self.fallback is not None:
            return None
        if self._replay is None:
            return self._record(step, keep(), indices, scalars, unfit)
        self._indices.copy_(indices)
        self._scalars.copy_(scalars)
        return self._replay().clone()

    def _record(
        self, step: Step, state: StepState, indices: Tensor, scalars: Tensor, unfit: Callable[[], str | None]
    ) -> Tensor | None:
        self._indices, self._scalars = indices.clone(), scalars.clone()

        def run() -> Tensor:
            return step(self._indices, self._scalars)

        try:
            losses = self._recorder.warm_up(run)
        except RecordingError as error:
            self._give_up(str(error))
            return None
        expected, drawn = state.copies(), state.drawn()
        state.put_back()
        if (reason := unfit()) is not None:
            self._give_up(reason)
            return None
        replay = self._recording_of(run)
        if replay is None:
            state.put_back()  # Python has run the step
            return None
        found = replay().clone()
        same_draws = all(map(torch.equal, state.drawn(), drawn))
        alike = moved_alike(state.before, expected, state.copies(), tolerance=_TOLERANCE)
        if not same_draws or not alike or not torch.equal(found.isfinite(), losses.isfinite()):
            state.put_back()
            self._give_up("its recording computes something else")
            return None
        self._replay = replay
        return found

    def _recording_of(self, run: Run) -> Run | None:
        try:
            return self._recorder(run)
        except torch.OutOfMemoryError:
            self._give_up("the GPU has too little memory for it")
        except RecordingError as error:
            self._give_up(str(error))
        return None

    def _give_up(self, reason: str) -> None:
        self._replay = None
        self.fallback = f"compile: the training step is no CUDA graph ({reason}); its attacks are recorded alone"
