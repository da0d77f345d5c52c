"""The trainer's steps against a plain loop of the same configuration, side by side, on a CPU or one GPU.

Run:  python -m benchmarks.trainer_speed [--architectures cnn4 resnet18 wrn34_10] [--batches 128 512] [--steps 3]
A step is shared information with PGD-10. The sides take turns, a round of steps each, in processes of their own; the
factor is the median over rounds of the plain loop's time divided by the other's. Needs neither Ray nor MLflow. Writes
benchmarks/results/trainer_speed_cpu.json, or ..._NAME-OF-THE-GPU.json, with hardware, versions, date and command;
--profile prints what takes the time of the fastest side, --trace FILE writes it for Chrome's tracing page or Perfetto.
"""

import argparse
import json
import statistics
import time
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from benchmarks.surroundings import command, surroundings
from benchmarks.trainer_speed.side import PLAIN, Side, Task
from benchmarks.trainer_speed.work import Work, flops_of_step, work_for

_RESULTS = Path(__file__).parents[1] / "results"
_DEFAULTS = {"cpu": (["digits_cnn", "cnn4", "resnet18"], [128], 1), "cuda": (["resnet18", "wrn34_10"], [128, 512], 20)}


def main() -> None:
    """Measure each combination, write it, and print the table."""
    arguments = _arguments()
    device = arguments.device
    name = torch.cuda.get_device_name() if device == "cuda" else None
    peaks = {precision: _peak(device, precision, arguments.threads) for precision in ("fp32", "tf32", "bf16")}
    rows = []
    for architecture in arguments.architectures:
        for batch_size in arguments.batches:
            work = work_for(architecture, batch_size, arguments.attack_steps)
            rows += _measured(work, arguments, peaks)
    found = {
        "rows": rows,
        "peak_tflops": peaks,
        "threads": arguments.threads,
        "command": command("trainer_speed"),
        **surroundings(["torch", "torchvision"], device=name),
    }
    file = _RESULTS / f"trainer_speed_{(name or 'cpu').lower().replace(' ', '-')}.json"
    file.write_text(json.dumps(found, indent=2) + "\n", "utf-8")
    print(table(rows))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--architectures", nargs="+")
    parser.add_argument("--batches", nargs="+", type=int)
    parser.add_argument("--attack-steps", type=int, default=10)
    parser.add_argument("--steps", type=int, help="of a round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--precisions", nargs="+", choices=["fp32", "tf32", "bf16"])
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--trace", metavar="FILE")
    arguments = parser.parse_args()
    architectures, batches, steps = _DEFAULTS[arguments.device]
    arguments.architectures = arguments.architectures or architectures
    arguments.batches = arguments.batches or batches
    arguments.steps = arguments.steps or steps
    precisions = ["fp32", "bf16"] if arguments.device == "cpu" else ["fp32", "tf32", "bf16"]
    arguments.precisions = arguments.precisions or precisions
    return arguments


def _measured(work: Work, arguments: argparse.Namespace, peaks: dict[str, float]) -> list[dict[str, Any]]:
    config = work.config
    names = [PLAIN, *arguments.precisions]
    tasks = [Task(name, work, arguments.device, arguments.threads, arguments.steps) for name in names]
    sides = [Side(task) for task in tasks]
    flops = flops_of_step(work)
    try:
        for side in sides:
            side.ask("round")  # in which libraries choose kernels and recordings are made
        seconds: list[list[float]] = [[] for _ in sides]
        for _ in tqdm(range(arguments.rounds), desc=f"{config.architecture}, {config.batch_size}", unit="round"):
            for side, taken in zip(sides, seconds, strict=True):
                taken.append(side.ask("round") / arguments.steps)
        about = [side.ask("about") for side in sides]
        if arguments.profile or arguments.trace:
            print(sides[-1].ask("profile", arguments.trace))
    finally:
        for side in sides:
            side.close()
    rows = []
    for name, taken, facts in zip(names, seconds, about, strict=True):
        factors = [plain / own for plain, own in zip(seconds[0], taken, strict=True)]
        median = statistics.median(taken)
        peak = peaks["tf32" if name == PLAIN else name]
        rows.append(
            {
                "architecture": config.architecture,
                "batch_size": config.batch_size,
                "side": name,
                "seconds_per_step": median,
                "range": [min(taken), max(taken)],
                "rounds": len(taken),
                "images_per_second": config.batch_size / median,
                "seconds_per_epoch": median * work.images / config.batch_size,
                "tflops": flops / median / 1e12,
                "share_of_peak": flops / median / 1e12 / peak,
                "times_the_plain_loop": statistics.median(factors),
                "range_of_times": [min(factors), max(factors)],
                **facts,
            }
        )
    return rows


def _peak(device: str, precision: str, threads: int) -> float:
    """Measure the most TFLOP/s that this device reaches in one large matrix product, best of ten."""
    torch.set_num_threads(threads)
    torch.backends.cuda.matmul.fp32_precision = "ieee" if precision == "fp32" else "tf32"
    size = 8192 if device == "cuda" else 2048
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    first, second = (torch.randn(size, size, device=device, dtype=dtype) for _ in range(2))
    best = 0.0
    for _ in range(10):
        started = time.perf_counter()
        first @ second
        if device == "cuda":
            torch.cuda.synchronize()
        best = max(best, 2 * size**3 / (time.perf_counter() - started) / 1e12)
    return best


def table(rows: list[dict[str, Any]]) -> str:
    """Lay the figures out as Markdown."""
    heads = ["network", "batch", "side", "ms a step (range)", "images/s", "s an epoch", "TFLOP/s", "of the peak"]
    heads += ["memory, MB", "times the plain loop (range)"]
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for row in rows:
        low, high = (1000 * value for value in row["range"])
        least, most = row["range_of_times"]
        lines.append(
            f"| {row['architecture']} | {row['batch_size']} | {row['side']} | {1000 * row['seconds_per_step']:.4g}"
            f" ({low:.4g}-{high:.4g}) | {row['images_per_second']:.4g} | {row['seconds_per_epoch']:.4g} |"
            f" {row['tflops']:.3g} | {100 * row['share_of_peak']:.0f} % | {row['memory_mb']} |"
            f" {row['times_the_plain_loop']:.2f} ({least:.2f}-{most:.2f}) |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
