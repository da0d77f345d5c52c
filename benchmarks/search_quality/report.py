"""The figures as a table in markdown and as a plot."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

_COLOURS = "tab10"


def ranks(tasks: Mapping[str, Any], methods: Sequence[str], checkpoint: int) -> dict[str, float]:
    """Give the mean rank of each method over tasks by mean hypervolume at a checkpoint; 1 is the best."""
    places: dict[str, list[float]] = {method: [] for method in methods}
    for task in tasks.values():
        means = {m: task["methods"][m]["share_of_best"][checkpoint][0] for m in methods}
        for method in methods:
            better = sum(other > means[method] for other in means.values())
            equal = sum(other == means[method] for other in means.values())
            places[method].append(better + (equal + 1) / 2)
    return {method: sum(found) / len(found) for method, found in places.items()}


def against(tasks: Mapping[str, Any], method: str, other: str) -> dict[str, tuple[float, float]]:
    """Give for each task the mean difference of two methods' final shares, seed by seed, and its standard error."""
    differences = {}
    for name, task in tasks.items():
        mine, theirs = (np.array(task["methods"][m]["shares_by_seed"]) for m in (method, other))
        gaps = mine - theirs
        error = float(gaps.std(ddof=1) / np.sqrt(len(gaps))) if len(gaps) > 1 else math.nan
        differences[name] = (float(gaps.mean()), error)
    return differences


def tables(result: Mapping[str, Any]) -> str:
    """Give the tables: hypervolume at the end by task, mean ranks, epochs to random's hypervolume."""
    tasks, methods = result["tasks"], result["methods"]
    budget, (early, middle, _) = result["budget"], result["checkpoints"]
    lines = [
        f"Share of the best known front's hypervolume after the epochs of {budget} full trainings, mean ± its standard",
        f"error over n = {result['seeds']} seeds, {result['workers']} workers:",
        "",
        _line(["method", *tasks, "mean rank", f"at {early}", f"at {middle}"]),
        _line(["---"] * (len(tasks) + 4)),
    ]
    by_checkpoint = [ranks(tasks, methods, checkpoint) for checkpoint in (2, 0, 1)]
    for method in sorted(methods, key=lambda m: by_checkpoint[0][m]):
        cells = ["{:.3f} ± {:.3f}".format(*task["methods"][method]["share_of_best"][2]) for task in tasks.values()]
        lines.append(_line([method, *cells, *(f"{places[method]:.1f}" for places in by_checkpoint)]))
    lines += [
        "",
        f"Epochs until random full training's final hypervolume is reached, as a share of its {budget} trainings",
    ]
    lines += ["(median over seeds; – where fewer than half of them reached it):", ""]
    lines += [_line(["method", *tasks]), _line(["---"] * (len(tasks) + 1))]
    for method in methods:
        shares = [task["methods"][method]["budget_share_to_random"] for task in tasks.values()]
        lines.append(_line([method, *("–" if share is None else f"{share:.2f}" for share in shares)]))
    lines += [
        "",
        "Hypervolume if stopped trials counted for the front, too, with their last losses, as a share of the best",
        "such front's:",
        "",
    ]
    lines += [_line(["method", *tasks]), _line(["---"] * (len(tasks) + 1))]
    for method in methods:
        counted = [task["methods"][method]["share_of_best_with_stopped"][0] for task in tasks.values()]
        lines.append(_line([method, *(f"{share:.3f}" for share in counted)]))
    return "\n".join([*lines, ""])


def comparisons(result: Mapping[str, Any], method: str) -> str:
    """Say for each other method on how many tasks `method` is ahead or behind by more than two standard errors."""
    lines = []
    for other in result["methods"]:
        if other == method:
            continue
        gaps = against(result["tasks"], method, other)
        ahead = [name for name, (gap, error) in gaps.items() if gap > 2 * error]
        behind = [name for name, (gap, error) in gaps.items() if gap < -2 * error]
        mean = np.mean([gap for gap, _ in gaps.values()])
        lines.append(
            f"- {method} against {other}: {mean:+.3f} on average; ahead by more than two standard errors on "
            f"{len(ahead)} of {len(gaps)} tasks, behind on {len(behind)}{': ' + ', '.join(behind) if behind else ''}."
        )
    return "\n".join([*lines, ""])


def plot(result: Mapping[str, Any], path: Path) -> None:
    """Draw hypervolume against epochs spent, in full trainings, a panel a task."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    tasks = result["tasks"]
    columns = min(4, len(tasks))
    rows = math.ceil(len(tasks) / columns)
    figure, axes = plt.subplots(rows, columns, figsize=(3.6 * columns, 3.0 * rows), squeeze=False)
    colours = plt.get_cmap(_COLOURS)
    for axis in axes.flat[len(tasks) :]:
        axis.set_visible(False)
    for axis, (name, task) in zip(axes.flat, tasks.items(), strict=False):
        spent = np.array(task["curve_at"]) / task["epochs"]
        for index, method in enumerate(result["methods"]):
            mean, error = np.array(task["methods"][method]["curve"]).T
            style = "--" if "full" in method else "-"
            axis.plot(spent, mean, style, color=colours(index % 10), label=method, linewidth=1.2)
            axis.fill_between(spent, mean - error, mean + error, color=colours(index % 10), alpha=0.12)
        axis.set_title(name, fontsize=9)
        axis.set_xlabel("epochs spent, in full trainings", fontsize=8)
        axis.set_ylabel("hypervolume, share of best", fontsize=8)
        axis.tick_params(labelsize=7)
    handles, labels = axes.flat[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="lower center", ncols=4, fontsize=8)
    figure.tight_layout(rect=(0, 0.12 if rows > 1 else 0.2, 1, 1))
    figure.savefig(path, dpi=110)
    plt.close(figure)


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
