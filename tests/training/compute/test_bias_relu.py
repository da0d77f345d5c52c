"""relu(x + bias + residual): Triton's kernels interpreted, compiled for GPUs that are not there, and by torch."""

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor

from training.compute import bias_relu as under_test
from training.compute.bias_relu import (
    bias_relu,
    bias_relu_twice,
    kernel_fault,
    packed_signs,
    reference,
    reference_backward,
)

KERNELS = Path(under_test.__file__).with_name("bias_relu_kernels.py")
TYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
ORDERS = [torch.contiguous_format, torch.channels_last]
# Half the distance of two numbers of the type, and a little for the sums before the only rounding. The interpreter cuts
# bfloat16 off, where a GPU rounds.
ROUNDING = {"fp32": 1e-6, "bf16": 1.01 * 2**-7, "fp16": 0.51 * 2**-10}
# More than one block of the kernels, and no multiple of it.
SHAPE = (3, 6, 9, 11)


def drawn(name: str, order: torch.memory_format, seed: int) -> Tensor:
    values = torch.randn(SHAPE, generator=torch.Generator().manual_seed(seed))
    return values.to(TYPES[name]).contiguous(memory_format=order)


def loaded(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, KERNELS)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def interpreted(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The kernels as Triton's interpreter runs them on a CPU; Triton decides when it reads the file."""
    pytest.importorskip("triton")
    monkeypatch.setenv("TRITON_INTERPRET", "1")
    return loaded("interpreted_kernels")


@pytest.mark.parametrize("order", ORDERS, ids=str)
@pytest.mark.parametrize("name", TYPES)
@pytest.mark.parametrize("with_residual", [True, False])
def test_the_kernels_compute_as_float64_and_round_once(
    interpreted: ModuleType, name: str, order: torch.memory_format, with_residual: bool
) -> None:
    x, bias = drawn(name, order, 0), torch.linspace(-1, 1, SHAPE[1])
    residual = drawn(name, order, 1) if with_residual else None
    exact = reference(x.double(), bias.double(), None if residual is None else residual.double())
    found, signs = interpreted.forward(x, bias, residual)
    torch.testing.assert_close(found.double(), exact, rtol=ROUNDING[name], atol=1e-6)
    assert found.dtype == x.dtype
    assert found.stride() == x.stride()
    assert torch.equal(signs, packed_signs(found))
    gradient = drawn(name, order, 2)
    back = interpreted.backward(gradient, residual, signs)
    summed = gradient.double() + (0 if residual is None else residual.double())
    expected = summed.where(found > 0, 0)
    torch.testing.assert_close(back.double(), expected, rtol=ROUNDING[name], atol=1e-6)
    assert (back.stride(), back.dtype) == (x.stride(), x.dtype)


def test_the_kernels_keep_what_is_not_a_number(interpreted: ModuleType) -> None:
    x = torch.tensor([torch.nan, torch.inf, -torch.inf, 0.0, -0.0, 1.0]).view(1, 1, 2, 3)
    bias = torch.zeros(1)
    out, signs = interpreted.forward(x, bias, None)
    assert torch.equal(out.nan_to_num(7.0), torch.relu(x).nan_to_num(7.0))
    (expected,) = torch.autograd.grad(torch.relu(leaf := x.clone().requires_grad_()).sum(), leaf)
    assert torch.equal(interpreted.backward(torch.ones_like(x), None, signs), expected)


@pytest.mark.parametrize("capability", [80, 90])
@pytest.mark.parametrize("name", TYPES)
@pytest.mark.parametrize("inner", [1, 1024])
def test_the_kernels_compile_for_gpus_and_move_16_bytes_at_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capability: int, name: str, inner: int
) -> None:
    """Triton has NVIDIA's assembler, so that no GPU is needed. Narrow reads would take several times as long."""
    triton = pytest.importorskip("triton")
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    kernels = loaded("compiled_kernels").KERNELS
    types = {"bias": "*fp32", "count": "i32", "signs": "*u8"}
    constants: dict[str, Any] = {"channels": 64, "inner": inner, "adds": True, "rows": 128, "row": 8}
    for kernel in kernels.values():
        signature = {n: "constexpr" if n in constants else types.get(n, f"*{name}") for n in kernel.arg_names}
        source = ASTSource(
            fn=kernel,
            signature=signature,
            constexprs={n: value for n, value in constants.items() if n in signature},
            attrs={(place,): [["tt.divisibility", 16]] for place, n in enumerate(signature) if n not in constants},
        )
        compiled = triton.compile(source, target=GPUTarget("cuda", capability, 32))
        assert compiled.asm["cubin"]
        moves = [line for line in compiled.asm["ptx"].splitlines() if ".global" in line and "%rd" in line]
        large = [line for line in moves if ".v4.b32" in line]
        assert len(large) >= 3
        # A sum of two halves is exact without a conversion.
        is_rounded = name != "fp32" and kernel is kernels["forward"]
        assert not is_rounded or "cvt.rn" in compiled.asm["ptx"], "to the nearest number"


def gradients(out: Tensor, *leaves: Tensor) -> tuple[Tensor, ...]:
    weights = torch.linspace(-1, 2, out.numel(), dtype=out.dtype).view_as(out)
    return torch.autograd.grad((out * weights).sum(), leaves)


@pytest.mark.parametrize("order", ORDERS, ids=str)
@pytest.mark.parametrize("name", TYPES)
def test_results_and_gradients_are_those_of_the_reference(name: str, order: torch.memory_format) -> None:
    x, residual = (drawn(name, order, seed).requires_grad_() for seed in (0, 1))
    bias = torch.linspace(-1, 1, SHAPE[1])
    for arguments in ((x, bias, residual), (x, bias)):
        leaves = [each for each in arguments if each.requires_grad]
        expected = reference(*arguments)
        found = bias_relu(*arguments)
        assert torch.equal(found, expected)
        assert all(map(torch.equal, gradients(found, *leaves), gradients(expected, *leaves)))


def test_the_gradients_of_two_readers_are_summed() -> None:
    x, residual = (drawn("fp32", torch.channels_last, seed).requires_grad_() for seed in (0, 1))
    bias = torch.linspace(-1, 1, SHAPE[1])
    first, second = bias_relu_twice(x, bias, residual)
    assert first.data_ptr() == second.data_ptr()
    out = reference(x, bias, residual)
    # The second gradient is expanded, as that of a mean.
    found = torch.autograd.grad(first.square().sum() + 3 * second.sum(), (x, residual), retain_graph=True)
    expected = torch.autograd.grad(out.square().sum() + 3 * out.sum(), (x, residual))
    assert all(map(torch.equal, found, expected))
    (alone,) = torch.autograd.grad(second.sum(), x)
    assert torch.equal(alone, (out > 0).float())


def test_the_reference_has_the_gradient_of_its_values() -> None:
    x, residual = (drawn("fp32", torch.contiguous_format, seed)[:1, :, :3, :3].double() for seed in (0, 1))
    bias = torch.linspace(-1, 1, SHAPE[1], dtype=torch.float64)
    inputs = tuple(each.clone().requires_grad_() for each in (x, bias, residual))
    assert torch.autograd.gradcheck(reference, inputs)
    out = reference(*inputs)
    (expected,) = gradients(out, inputs[0])
    weights = torch.linspace(-1, 2, out.numel(), dtype=out.dtype).view_as(out)
    assert torch.equal(reference_backward(weights, None, packed_signs(out)), expected)


def test_a_second_derivative_is_refused() -> None:
    """It would be wrong without a word: the backward pass has none of its own."""
    x = drawn("fp32", torch.contiguous_format, 0).requires_grad_()
    (gradient,) = torch.autograd.grad(bias_relu(x, torch.zeros(SHAPE[1])).square().sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        torch.autograd.backward(gradient.sum())


def test_what_the_kernels_cannot_compute_is_computed_by_torch() -> None:
    x, bias = drawn("bf16", torch.contiguous_format, 0), torch.linspace(-1, 1, SHAPE[1]).requires_grad_()
    assert gradients(bias_relu(x, bias), bias)[0].shape == bias.shape
    bias = bias.detach()
    others = [x[:, :, :1, :1], x.float(), x.double()]
    for residual in others:
        found = bias_relu(x, bias, residual)
        assert torch.equal(found, reference(x, bias, residual))
        assert found.dtype == torch.promote_types(x.dtype, residual.dtype)
    sparse = x[:, :, ::2]
    assert torch.equal(bias_relu_twice(sparse, bias)[1], reference(sparse, bias))


def test_without_a_gpu_the_kernels_are_not_used() -> None:
    assert kernel_fault(torch.device("cpu"), torch.float32) is not None
