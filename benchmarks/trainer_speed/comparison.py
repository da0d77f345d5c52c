"""Compare the sides on one network at one batch size: they take turns, and their seconds become figures."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tqdm import tqdm

from benchmarks.trainer_speed.side import PLAIN, Side, SideError, Task
from benchmarks.trainer_speed.work import Work, flops_of_step


@dataclass(frozen=True)
class Setting:
    """How the sides run: device, number of threads, steps of a round, number of rounds."""

    device: str
    threads: int
    steps: int
    rounds: int


def compared(
    work: Work, precisions: Sequence[str], setting: Setting, peaks: Mapping[str, float]
) -> list[dict[str, Any]]:
    """Return a row for the plain loop and one for each precision; the row of a side that fails says why."""
    names = [PLAIN, *precisions]
    sides = [Side(Task(name, work, setting.device, setting.threads, setting.steps)) for name in names]
    seconds: dict[str, list[float]] = {name: [] for name in names}
    about: dict[str, dict[str, Any]] = {}
    failed: dict[str, str] = {}
    title = f"{work.config.architecture}, {work.config.batch_size}"
    try:
        # The first round is not timed: libraries choose kernels and CUDA graphs are recorded in it.
        for number in tqdm(range(1 + setting.rounds), desc=title, unit="round"):
            for side in (side for side in sides if side.task.name not in failed):
                try:
                    taken = side.ask("round") / setting.steps
                    about[side.task.name] = side.ask("about")
                except SideError as error:
                    failed[side.task.name] = str(error)
                    side.close()
                else:
                    seconds[side.task.name] += [taken] if number else []
    finally:
        for side in sides:
            side.close()
    common = {"architecture": work.config.architecture, "batch_size": work.config.batch_size}
    flops = flops_of_step(work)
    rows = []
    for name in names:
        if name in failed:
            rows.append({**common, "side": name, "failed": failed[name]})
            continue
        own = figures(seconds[name], seconds[PLAIN], flops, work)
        share = own["tflops"] / _peak_for(name, about[name]["fallbacks"], peaks)
        rows.append({**common, "side": name, **own, "share_of_peak": share, **about[name]})
    return rows


def figures(taken: Sequence[float], plain: Sequence[float], flops: float, work: Work) -> dict[str, Any]:
    """Compute a side's figures from the seconds of its steps and of the plain loop's steps in the same rounds."""
    median = statistics.median(taken)
    factors = [theirs / ours for theirs, ours in zip(plain, taken, strict=False)]
    return {
        "seconds_per_step": median,
        "range": [min(taken), max(taken)],
        "rounds": len(taken),
        "images_per_second": work.config.batch_size / median,
        "seconds_per_epoch": median * work.images / work.config.batch_size,
        "tflops": flops / median / 1e12,
        "times_the_plain_loop": statistics.median(factors) if factors else None,
        "range_of_times": [min(factors), max(factors)] if factors else None,
    }


def _peak_for(side: str, fallbacks: Sequence[str], peaks: Mapping[str, float]) -> float:
    """Return the peak of the precision that a side uses: the plain loop has TF32 on, and bf16 may have fallen back."""
    if side == PLAIN or (side == "bf16" and any(text.startswith("precision") for text in fallbacks)):
        return peaks["tf32"]
    return peaks[side]


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return the rows as a Markdown table, followed by what a device did not allow."""
    heads = ["network", "batch", "side", "ms a step (range)", "images/s", "s an epoch", "TFLOP/s", "of the peak"]
    heads += ["memory, MB", "times the plain loop (range)"]
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    lines += [f"| {' | '.join(_cells(row))} |" for row in rows]
    lines += [f"\n{row['side']}, {row['architecture']}: {text}." for row in rows for text in row.get("fallbacks", [])]
    return "\n".join(lines)


def _cells(row: Mapping[str, Any]) -> list[str]:
    cells = [row["architecture"], str(row["batch_size"]), row["side"]]
    if "failed" in row:
        return [*cells, row["failed"], *[""] * 6]
    low, high = (1000 * value for value in row["range"])
    times = "-"
    if row["times_the_plain_loop"] is not None:
        least, most = row["range_of_times"]
        times = f"{row['times_the_plain_loop']:.2f} ({least:.2f}-{most:.2f})"
    return [
        *cells,
        f"{1000 * row['seconds_per_step']:.4g} ({low:.4g}-{high:.4g})",
        f"{row['images_per_second']:.4g}",
        f"{row['seconds_per_epoch']:.4g}",
        f"{row['tflops']:.3g}",
        f"{100 * row['share_of_peak']:.0f} %",
        str(row["memory_mb"]),
        times,
    ]
