"""Settings of torch inside the contexts and after them."""

import subprocess
import sys
from typing import Any

import pytest
import torch

from training.compute.numerics import exact_float32, repeatable_convolutions


def test_cudnn_is_deterministic_inside_and_as_before_afterwards() -> None:
    cudnn = torch.backends.cudnn
    before = (cudnn.deterministic, cudnn.benchmark)
    with repeatable_convolutions():
        assert (cudnn.deterministic, cudnn.benchmark) == (True, False)
    assert (cudnn.deterministic, cudnn.benchmark) == before


def old_settings() -> tuple[Any, ...]:
    """Read what libraries read that know only torch's old settings; torch raises if the new ones contradict."""
    cuda = torch.backends.cuda
    return torch.backends.cudnn.allow_tf32, cuda.matmul.allow_tf32, torch.get_float32_matmul_precision()


@pytest.mark.parametrize(("convolutions", "allowed"), [("ieee", False), ("tf32", True)])
@pytest.mark.parametrize("matmul", ["highest", "high", "medium"])
def test_the_old_settings_can_be_read_and_say_the_same(convolutions: str, matmul: str, *, allowed: bool) -> None:
    torch.set_float32_matmul_precision(matmul)
    try:
        before = old_settings()
        with exact_float32(convolutions=convolutions):
            assert old_settings() == (allowed, False, "highest")
            with exact_float32():
                assert old_settings() == (False, False, "highest")
            assert old_settings() == (allowed, False, "highest")
        assert old_settings() == before
    finally:
        torch.set_float32_matmul_precision("highest")


def test_mixed_settings_of_the_user_come_back() -> None:
    """In a process of its own: torch offers no way back from them."""
    script = """if True:
        import torch
        from training.compute.numerics import exact_float32
        matmul, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
        matmul.fp32_precision, cudnn.conv.fp32_precision = "tf32", "ieee"
        with exact_float32():
            assert not matmul.allow_tf32
            assert not cudnn.allow_tf32
        assert (matmul.fp32_precision, cudnn.conv.fp32_precision) == ("tf32", "ieee")
    """
    subprocess.run([sys.executable, "-c", script], check=True)
