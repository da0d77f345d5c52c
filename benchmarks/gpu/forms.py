"""Part 9: the time of a step in each of the forms that `benchmarks.gpu.count` estimates, and compiled as well."""

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any
from unittest import mock

import torch

from benchmarks.gpu.count import FORMS, Form
from benchmarks.gpu.record import Unit
from benchmarks.gpu.speed import synchronise
from benchmarks.trainer_speed.work import Work, work_for
from training.trainer import Trainer

_WARM_UP, _STEPS = 5, 40
_COMPILED = Form("training passes compiled", "full", fused=True, two_parts=True, recorded="step")


def steps_in_forms(device: str) -> Mapping[str, Unit]:
    """Return a unit for each form and precision; only bf16 takes pixels in two parts, and only a GPU compiles."""
    forms = (*FORMS, _COMPILED) if device == "cuda" else FORMS
    return {
        f"{precision}: {form.name}": _timed(form, precision, device)
        for precision in ("tf32", "bf16")
        for form in forms
        if precision == "bf16" or form.name != "pixels in two parts"
    }


def _timed(form: Form, precision: str, device: str) -> Unit:
    def measure(deadline: float) -> dict[str, Any]:
        del deadline
        work = work_for("resnet18", 128, 10) if device == "cuda" else work_for("digits_cnn", 16, 2)
        count = _STEPS if device == "cuda" else 2
        with _as(form):
            return _measured(work.with_precision(precision), form, device, count)

    return measure


def _measured(work: Work, form: Form, device: str, count: int) -> dict[str, Any]:
    """Time `count` steps after the first ones of an epoch; its last step is computed in another way."""
    config = replace(work.config, compile=form.compile, epochs=1000)
    trainer = Trainer(config, work.data(_WARM_UP + count + 1), device)
    if form.recorded != "step":
        trainer._recorded = None  # noqa: SLF001 - the form without it
    moments: dict[int, float] = {}

    def note(step: int, steps: int) -> None:
        del steps
        if step in {_WARM_UP, _WARM_UP + count}:
            synchronise(device)
            moments[step] = time.perf_counter()

    trainer.train_epoch(note)
    memory = round(torch.cuda.max_memory_reserved() / 1e6) if device == "cuda" else 0
    seconds = (moments[_WARM_UP + count] - moments[_WARM_UP]) / count
    return {"ms_a_step": round(1e3 * seconds, 3), "memory_mb": memory, "fallbacks": trainer.fallbacks}


@contextmanager
def _as(form: Form) -> Iterator[None]:
    """Turn off what a form does without."""
    with ExitStack() as stack:
        if not form.fused:
            place = "training.attacks.attacked_network.kernel_fault"
            stack.enter_context(mock.patch(place, return_value="this form does without"))
        if not form.two_parts:
            stack.enter_context(mock.patch("training.models.layers.takes_two_parts", return_value=False))
        yield
