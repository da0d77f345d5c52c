"""A CUDA device without a GPU: tensors with shapes and devices but without values, which notice what a GPU would.

A value that the host reads, a shape that depends on values, and two devices in one operation are errors of fake
tensors. What a CUDA graph may not contain is found by the tags that torch gives its operations. Torch with CUDA refuses
backward passes on a device that is not there, so on fake tensors every gradient is a new tensor of the right shape.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import unset_fake_temporarily
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from benchmarks.gpu.without_values import without_values
from training.compute.cuda_recorder import RecordingError, Run

_FORBIDDEN = (torch.Tag.data_dependent_output, torch.Tag.dynamic_output_shape, torch.Tag.nondeterministic_seeded)


class _CudaGenerator(torch.Generator):
    """A generator that says it is on a GPU; fake tensors draw nothing from it."""

    @property
    def device(self) -> torch.device:  # type: ignore[override]
        return torch.device("cuda")

    def get_state(self) -> Tensor:
        """Return a real tensor: the state of a fake one would be written to memory that is not there."""
        with unset_fake_temporarily():
            return super().get_state()

    def set_state(self, new_state: Tensor) -> torch.Generator:
        """Take a real tensor."""
        with unset_fake_temporarily():
            return super().set_state(new_state)


@contextmanager
def fake_cuda(patch: pytest.MonkeyPatch, capability: tuple[int, int]) -> Iterator[None]:
    """Let torch believe in a GPU of this capability for a block."""
    make = torch.Generator

    def generator(device: Any = "cpu") -> torch.Generator:
        return _CudaGenerator() if torch.device(device).type == "cuda" else make(device)

    patch.setattr(torch, "Generator", generator)
    patch.setattr(torch.cuda, "get_device_capability", lambda _: capability)
    patch.setattr(torch.cuda, "get_rng_state", lambda _: make().get_state())
    patch.setattr(torch.cuda, "set_rng_state", lambda *_: None)
    # Autocast asks for a GPU before it begins.
    patch.setattr(torch.cuda.amp.common, "amp_definitely_not_available", lambda: False)
    patch.setattr(torch.cuda, "is_bf16_supported", lambda *_, **__: True)
    patch.setattr(torch.autograd, "grad", _gradients)
    patch.setattr(torch.autograd, "backward", lambda _: None)
    with without_values():
        yield


def _gradients(outputs: Any, inputs: Any, **_: Any) -> tuple[Tensor, ...]:
    del outputs
    return tuple(torch.zeros_like(leaf) for leaf in ([inputs] if isinstance(inputs, Tensor) else inputs))


class CaptureRules(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Raises at an operation that a CUDA graph of another batch would repeat wrongly, or could not hold.

    These read values on the host, have shapes that depend on values, draw random numbers, or move tensors between the
    host and a device. Numbers may be drawn from a `generator` that the graph knows, and then from the global one too.
    """

    def __init__(self, generator: torch.Generator | None = None) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.operations = 0
        self._generator = generator

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        del types
        self.operations += 1
        broken = set(_FORBIDDEN) & set(func.tags)
        given = (kwargs or {}).get("generator")
        # An operation gets another object for the same generator: its seed tells which one it is.
        if self._generator is not None and (given is None or given.initial_seed() == self._generator.initial_seed()):
            broken.discard(torch.Tag.nondeterministic_seeded)
        if func is torch.ops.aten.index.Tensor and all(each is None or each.dtype == torch.int64 for each in args[1]):
            broken.discard(torch.Tag.dynamic_output_shape)  # only masks have as many results as they have ones
        if broken:
            raise AssertionError(f"{func} in a recording: {broken}")
        result = func(*args, **(kwargs or {}))
        # Scalars on the host are arguments of kernels.
        found = [leaf for leaf in tree_leaves((args, kwargs, result)) if isinstance(leaf, Tensor) and leaf.ndim]
        if len({leaf.device.type for leaf in found}) > 1:
            raise AssertionError(f"{func} in a recording moves a tensor between the host and a device")
        return result


class RuleRecorder:
    """A recorder that checks what it would record, and then lets the attack be computed step by step."""

    def __init__(self) -> None:
        self.operations: list[int] = []

    def __call__(self, run: Run) -> Run:
        """Run under the rules; raise RecordingError, as a recorder does that cannot record."""
        with CaptureRules() as rules:
            run()
        self.operations.append(rules.operations)
        raise RecordingError("checked only")


class RuleStepRecorder:
    """The same for whole training steps, which may draw from the trial's generator."""

    def __init__(self, generator: torch.Generator) -> None:
        self.operations: list[int] = []
        self._generator = generator

    def warm_up(self, run: Run) -> Tensor:
        """Compute the step."""
        return run()

    def __call__(self, run: Run) -> Run:
        """Compute the step again, under the rules; raise RecordingError, so that what it changed is put back."""
        with CaptureRules(self._generator) as rules:
            run()
        self.operations.append(rules.operations)
        raise RecordingError("checked only")
