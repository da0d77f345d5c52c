"""Why an epoch on several GPUs failed, from the errors of its processes."""

from typing import Any

import torch
from ray.exceptions import RayError, RayTaskError

from training.trainer import DivergedError
from tuner.engine.several_gpus import cause_of


def of_a_follower(error: Exception) -> RayError:
    """Return the error as Ray raises it in the leader."""
    make: Any = RayTaskError  # not typed by Ray
    raised: RayError = make("train_epoch", "Traceback", error).as_instanceof_cause()
    return raised


BROKEN = RuntimeError("NCCL communicator was aborted")
MEMORY = torch.OutOfMemoryError("CUDA out of memory")
DIVERGED = DivergedError("loss/total", 3, "lower learning_rate")


def test_the_reason_of_a_follower_is_the_cause_of_a_broken_connection() -> None:
    reason = of_a_follower(ValueError("wrong"))
    assert cause_of(BROKEN, [reason]) is reason
    assert cause_of(BROKEN, []) is BROKEN


def test_numbers_of_an_aborted_call_are_no_divergence() -> None:
    """NCCL goes on after it was aborted, and the leader finds numbers that are not finite."""
    reason = of_a_follower(MEMORY)
    assert cause_of(DIVERGED, [reason]) is reason


def test_divergence_that_all_processes_see_is_the_leaders() -> None:
    assert cause_of(DIVERGED, [of_a_follower(DIVERGED), of_a_follower(DIVERGED)]) is DIVERGED


def test_a_lack_of_memory_comes_before_its_consequences() -> None:
    memory = of_a_follower(MEMORY)
    assert cause_of(BROKEN, [of_a_follower(BROKEN), memory]) is memory
    assert cause_of(MEMORY, [of_a_follower(BROKEN)]) is MEMORY
