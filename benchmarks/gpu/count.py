"""Counts the kernels of one training step, and the bytes that they move, and estimates its time on an H100.

Run:  python -m benchmarks.gpu.count [--architecture resnet18] [--batch 128] [--attack-steps 10]
No GPU is needed: the step runs on tensors without values. Each line adds one thing to the line above it. The times are
estimates by the assumptions in benchmarks/gpu/count.py, and no measurement. Writes
benchmarks/results/gpu_count_ARCHITECTURE.json.
"""

import argparse
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any
from unittest import mock

from benchmarks.gpu.counted_step import ATTACK, PASSES, counted_step
from benchmarks.gpu.kernel_counter import Kernel
from benchmarks.surroundings import command, surroundings, write_result
from benchmarks.trainer_speed.work import Work, work_for

_RESULTS = Path(__file__).parents[1] / "results"


@dataclass(frozen=True)
class Device:
    """What an H100 (SXM) is assumed to reach: shares of its sheet that good kernels reach, not peaks.

    Bytes a second: 80 % of 3.35 TB/s; caches, which help at small batches, are left out. Operations a second: 60 % of
    what the largest matrix products reach, 800 TFLOP/s in bf16 and half of it in TF32. The shortest kernel of a
    recorded graph, and the time in which Python starts one kernel.
    """

    bytes_a_second: float = 0.8 * 3.35e12
    bf16: float = 0.6 * 800e12
    tf32: float = 0.6 * 400e12
    shortest_kernel: float = 2e-6
    launch: float = 5e-6


@dataclass(frozen=True)
class Form:
    """A way to compute a step: `recorded` is what one CUDA graph holds: nothing, the attack, or the step."""

    name: str
    compile: str
    fused: bool = False
    two_parts: bool = False
    recorded: str = "nothing"


FORMS = (
    Form("compile: off", "off"),
    Form("folded, the attack recorded", "auto", recorded="attack"),
    Form("bias, sum and ReLU fused", "auto", fused=True, recorded="attack"),
    Form("pixels in two parts", "auto", fused=True, two_parts=True, recorded="attack"),
    Form("the whole step recorded", "auto", fused=True, two_parts=True, recorded="step"),
)


def main() -> None:
    """Count every form, and write and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--architecture", default="resnet18")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--attack-steps", type=int, default=10)
    arguments = parser.parse_args()
    work = work_for(arguments.architecture, arguments.batch, arguments.attack_steps)
    rows = [row for precision in ("tf32", "bf16") for row in counted(work.with_precision(precision))]
    result = {"rows": rows, "assumed": asdict(Device()), "command": command("gpu.count"), **surroundings(["torch"])}
    write_result(_RESULTS / f"gpu_count_{arguments.architecture}.json", result)
    print(table(rows))


def counted(work: Work) -> list[dict[str, Any]]:
    """Return the figures of each form in the precision of `work`; only bf16 takes pixels in two parts."""
    precision = work.config.precision
    rows = []
    for form in FORMS:
        if form.name == "pixels in two parts" and precision != "bf16":
            continue
        found = kernels_of(work, form)
        row: dict[str, Any] = {"precision": precision, "form": form.name}
        for phase in (ATTACK, PASSES):
            kernels = found[phase]
            row[phase] = {
                "kernels": sum(each.kernels for each in kernels),
                "gigabytes": round(sum(each.bytes for each in kernels) / 1e9, 2),
                "largest": _largest(kernels),
            }
        row["estimated_ms"] = round(1e3 * estimated_seconds(found, form, precision, Device()), 1)
        # Python that starts a kernel of the passes in less time than this is hidden behind the kernels before it.
        waiting = busy_seconds(found[PASSES], precision, Device()) / row[PASSES]["kernels"]
        row["hidden_us_a_kernel"] = round(1e6 * waiting, 1)
        rows.append(row)
    return rows


def kernels_of(work: Work, form: Form) -> dict[str, list[Kernel]]:
    """Return the kernels of a step by its phase."""
    work = replace(work, config=replace(work.config, compile=form.compile))
    is_split = form.two_parts and work.config.precision == "bf16"
    # Only CUDA takes two parts; the step is counted on a CPU without values.
    parts = mock.patch("training.models.layers.takes_two_parts", return_value=True) if is_split else nullcontext()
    with parts:
        return counted_step(work, fused=form.fused)


def estimated_seconds(found: Mapping[str, Sequence[Kernel]], form: Form, precision: str, device: Device) -> float:
    """Estimate the time of a step: each kernel waits for memory or for tensor cores, and a phase for Python."""
    recorded = {"nothing": set[str](), "attack": {ATTACK}, "step": {ATTACK, PASSES}}[form.recorded]
    seconds = 0.0
    for phase, kernels in found.items():
        started = 0.0 if phase in recorded else device.launch * sum(each.kernels for each in kernels)
        seconds += max(busy_seconds(kernels, precision, device), started)
    return seconds


def busy_seconds(kernels: Sequence[Kernel], precision: str, device: Device) -> float:
    """Estimate the time of kernels that follow each other at once."""
    rate = device.bf16 if precision == "bf16" else device.tf32
    return sum(
        max(each.bytes / device.bytes_a_second, each.flops / rate, each.kernels * device.shortest_kernel)
        for each in kernels
    )


def _largest(kernels: Sequence[Kernel]) -> dict[str, float]:
    """Return the gigabytes of the operations that move most."""
    moved: Counter[str] = Counter()
    for each in kernels:
        moved[each.name] += each.bytes
    return {name: round(size / 1e9, 2) for name, size in moved.most_common(6)}


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return the rows as a Markdown table."""
    heads = ["precision", "form", "kernels: attack", "the rest", "GB: attack", "the rest", "estimated ms on an H100"]
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for row in rows:
        attack, rest = row[ATTACK], row[PASSES]
        cells = [row["precision"], row["form"], attack["kernels"], rest["kernels"]]
        cells += [attack["gigabytes"], rest["gigabytes"], row["estimated_ms"]]
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
