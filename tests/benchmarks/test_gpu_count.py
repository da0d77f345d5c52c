"""The count of kernels and bytes, against what a few operations must move."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.nn import functional

from benchmarks.gpu.count import FORMS, Device, Form, estimated_seconds, kernels_of
from benchmarks.gpu.counted_step import ATTACK, PASSES
from benchmarks.gpu.kernel_counter import Kernel, KernelCounter
from benchmarks.trainer_speed.work import flops_of_step, work_for

X, Y = torch.zeros(4, 8, 16, 16), torch.ones(4, 8, 16, 16)
SIZE = 4 * 4 * 8 * 16 * 16
WEIGHT = torch.zeros(8, 8, 3, 3)


def total(computed: Callable[[], Any]) -> tuple[int, int, float]:
    with KernelCounter() as counter:
        computed()
    kernels = [each for phase in counter.found.values() for each in phase]
    return sum(k.kernels for k in kernels), sum(k.bytes for k in kernels), sum(k.flops for k in kernels)


@pytest.mark.parametrize(
    ("computed", "kernels", "moved"),
    [
        (lambda: X + Y, 1, 3 * SIZE),
        (lambda: X + X, 1, 2 * SIZE),
        (lambda: X + 1, 1, 2 * SIZE),
        (lambda: X.view(-1)[:7].detach().t(), 0, 0),
        (lambda: torch.empty_like(X), 0, 0),
        (lambda: X.clone().relu_(), 2, 4 * SIZE),
        (lambda: torch.empty_like(X).copy_(Y), 1, 2 * SIZE),
        (lambda: torch.empty_like(X).fill_(3), 1, SIZE),
        (lambda: X.to(torch.bfloat16), 1, SIZE + SIZE // 2),
        (lambda: X + Y[:1, :1, :1, :1].expand_as(X), 1, 2 * SIZE + 4),
        (lambda: torch.add(X, Y, out=torch.empty_like(X)), 1, 3 * SIZE),
        (lambda: functional.conv2d(X, WEIGHT, padding=1), 1, 2 * SIZE + 4 * 8 * 8 * 9),
        (lambda: functional.conv2d(X, WEIGHT, torch.empty(8), padding=1), 2, 4 * SIZE + 4 * 8 * 8 * 9 + 32),
    ],
)
def test_an_operation_moves_what_it_reads_and_writes(computed: Callable[[], Any], kernels: int, moved: int) -> None:
    found = total(computed)
    # The bias of a convolution is read as well.
    assert found[0] == kernels
    assert abs(found[1] - moved) <= 32


@pytest.mark.parametrize(("of_images", "of_weight"), [(True, False), (False, True), (True, True)])
def test_a_convolutions_backward_pass_is_a_kernel_for_each_gradient(of_images: bool, of_weight: bool) -> None:
    images, weight = X.clone().requires_grad_(of_images), WEIGHT.clone().requires_grad_(of_weight)
    output = functional.conv2d(images, weight, padding=1)
    gradient = torch.ones_like(output)
    wanted = [leaf for leaf in (images, weight) if leaf.requires_grad]
    kernels, moved, flops = total(lambda: torch.autograd.grad(output, wanted, gradient))
    small = 4 * WEIGHT.numel()
    assert kernels == len(wanted)
    assert moved == (2 * SIZE + small) * len(wanted)
    assert flops == len(wanted) * 2 * output.numel() * 8 * 9


def test_a_step_has_the_operations_of_its_formula_in_every_form_and_ever_fewer_bytes() -> None:
    work = work_for("digits_cnn", 16, 2)
    forms = [FORMS[0], FORMS[1], FORMS[2]]
    found = [kernels_of(work, form) for form in forms]
    for each in found:
        flops = sum(kernel.flops for phase in each.values() for kernel in phase)
        # The formula leaves out the head and the losses, which are a large share of a small network.
        assert flops == pytest.approx(flops_of_step(work), rel=0.2)
    moved = [sum(kernel.bytes for kernel in each[ATTACK]) for each in found]
    assert moved[0] > moved[1] > moved[2]
    assert len({sum(kernel.bytes for kernel in each[PASSES]) for each in found}) <= 2, "the layout may differ"


def test_the_estimate_waits_for_the_slowest_of_memory_operations_and_python() -> None:
    device = Device(bytes_a_second=1e9, bf16=1e12, tf32=1e11, shortest_kernel=1e-6, launch=1e-5)
    found = {
        ATTACK: [Kernel("moves", 1, 10**6, 1e8), Kernel("computes", 1, 10**3, 1e9), Kernel("small", 3, 8, 0)],
        PASSES: [Kernel("small", 100, 8, 0)],
    }
    attack, passes = 1e-3 + 1e-3 + 3e-6, 1e-4
    for recorded, seconds in (("nothing", attack + 1e-3), ("attack", attack + 1e-3), ("step", attack + passes)):
        assert estimated_seconds(found, Form("", "auto", recorded=recorded), "bf16", device) == pytest.approx(seconds)
    slower = estimated_seconds(found, Form("", "auto", recorded="step"), "tf32", device)
    assert slower == pytest.approx(1e-3 + 1e-2 + 3e-6 + passes)
