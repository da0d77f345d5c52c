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
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from benchmarks.gpu.without_values import without_values
from training.attacks.cuda_graph import RecordingError, Run

_FORBIDDEN = (torch.Tag.data_dependent_output, torch.Tag.dynamic_output_shape, torch.Tag.nondeterministic_seeded)


class _CudaGenerator(torch.Generator):
    """A generator that says it is on a GPU; fake tensors draw nothing from it."""

    @property
    def device(self) -> torch.device:  # type: ignore[override]
        return torch.device("cuda")


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
    host and a device.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.operations = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        del types
        self.operations += 1
        if broken := set(_FORBIDDEN) & set(func.tags):
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
