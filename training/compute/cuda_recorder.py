"""Records runs on a CUDA device as graphs, which are replayed without Python between their kernels."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Protocol

import torch
from torch import Tensor

from training.compute.cuda_state import require_working_cuda

Run = Callable[[], Tensor]
# Records a run and returns a function that repeats it on the present contents of its input tensors.
Recorder = Callable[[Run], Run]
_WARM_UPS = 3
# A recording keeps its memory, and the same step is computed without it as well: once an epoch, for gradient norms.
_COPIES_IN_MEMORY = 2
ATTACK, STEP = "attack", "step"


class RecordingError(RuntimeError):
    """A run cannot be recorded. CUDA still works: the run can be computed step by step."""


class StepRecorder(Protocol):
    """Records a run that changes its inputs, such as weights, and therefore cannot be tried three times."""

    def warm_up(self, run: Run) -> Tensor:
        """Compute a run once, so that libraries choose their kernels, and return its result."""

    def __call__(self, run: Run) -> Run:
        """Record a run without computing it; raise as `CudaRecorder` does."""


class CudaRecorder:
    """Records attacks on one CUDA device. All recordings share their memory, because only one is replayed at a time.

    After one recording failed, no other of its kind is tried in this process: `forbid` gives the reason to all
    recorders.
    """

    _forbidden: ClassVar[dict[str, str]] = {}

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self._pool: Any = None

    @classmethod
    def forbid(cls, reason: str | None, kinds: Sequence[str] = (ATTACK, STEP)) -> None:
        """Refuse recordings of these kinds in this process for `reason`, or allow them again with None."""
        for kind in kinds:
            cls._forbidden.pop(kind, None)
            if reason is not None:
                cls._forbidden[kind] = reason

    def __call__(self, run: Run) -> Run:
        """Record an attack.

        Raise RecordingError if the recording fails or is forbidden, BrokenCudaError if CUDA fails afterwards, and any
        error of the run before the recording.
        """
        self.require_allowed(ATTACK)
        self.warm_up(run, _WARM_UPS)
        return self.record(run, ATTACK)

    def require_allowed(self, kind: str) -> None:
        """Raise RecordingError if recordings of a kind are forbidden."""
        if kind in self._forbidden:
            raise RecordingError(self._forbidden[kind])

    def warm_up(self, run: Run, times: int) -> Tensor:
        """Let libraries choose their kernels and workspaces, which they must not do while a graph is recorded."""
        with torch.cuda.device(self.device):
            stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
            stream.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(stream):
                for _ in range(times):
                    result = run()
            torch.cuda.current_stream().wait_stream(stream)
        return result

    def record(self, run: Run, kind: str, generators: Sequence[torch.Generator] = ()) -> Run:
        """Record a run that was warmed up; raise as a call does. Replays draw new numbers from `generators`."""
        with torch.cuda.device(self.device):
            if self._pool is None:
                self._pool = torch.cuda.graph_pool_handle()
            graph = torch.cuda.CUDAGraph()
            for generator in generators:
                graph.register_generator_state(generator)
            before = torch.cuda.current_stream()
            try:
                with torch.cuda.graph(graph, pool=self._pool):
                    result = run()
            except torch.OutOfMemoryError:  # torch has ended the recording properly
                torch.cuda.set_stream(before)
                raise
            except RuntimeError as error:
                torch.cuda.set_stream(before)
                self.forbid(f"a recording failed: {_first_line(error)}", [kind])
                require_working_cuda(self.device)
                raise RecordingError(self._forbidden[kind]) from error

        def replay() -> Tensor:
            graph.replay()
            return result

        return replay


class CudaStepRecorder:
    """Records training steps with a `recorder`; replays draw from `generator` and from CUDA's global generator."""

    def __init__(self, recorder: CudaRecorder, generator: torch.Generator) -> None:
        self._recorder = recorder
        self._generator = generator
        self._needed = 0

    def warm_up(self, run: Run) -> Tensor:
        """Compute a run once; raise RecordingError before it if recordings of steps are forbidden."""
        self._recorder.require_allowed(STEP)
        device = self._recorder.device
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        result = self._recorder.warm_up(run, 1)
        self._needed = torch.cuda.max_memory_allocated(device) - before
        return result

    def __call__(self, run: Run) -> Run:
        """Record a run without computing it; raise RecordingError also if it needs too much memory."""
        left = _memory_left(self._recorder.device)
        if left < _COPIES_IN_MEMORY * self._needed:
            shown = f"{left / 1e9:.1f} GB are left, and it needs {_COPIES_IN_MEMORY} times {self._needed / 1e9:.1f} GB"
            raise RecordingError(f"the GPU has too little memory for it: {shown}")
        return self._recorder.record(run, STEP, [self._generator])


def _memory_left(device: torch.device) -> int:
    """Return the bytes that this process may still allocate: of its share, and of what the others leave."""
    free, total = torch.cuda.mem_get_info(device)
    # Releases of torch that do not tell the share run out of memory while they record, which is noticed too.
    share_of: Callable[..., float] = getattr(torch.cuda, "get_per_process_memory_fraction", lambda _: 1.0)
    share = int(total * share_of(device))
    allocated, reserved = torch.cuda.memory_allocated(device), torch.cuda.memory_reserved(device)
    return min(share - allocated, free + reserved - allocated)


def _first_line(error: BaseException) -> str:
    """Return the first line of the error that ended a recording; ending it may have failed as a consequence."""
    cause = error.__context__ if isinstance(error.__context__, RuntimeError) else error
    return (str(cause).strip() or type(cause).__name__).splitlines()[0]
