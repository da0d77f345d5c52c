"""Write the figures as Markdown tables and as a plot."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

_COLOURS = "tab10"


def share(task: Mapping[str, Any], method: str, checkpoint: int | None) -> float:
    """Return a method's mean share of the best hypervolume at a checkpoint; None means when all trials had ended."""
    figures = task["methods"][method]
    found = figures["share_when_all_ended"] if checkpoint is None else figures["share_of_best"][checkpoint]
    return float(found[0])


def ranks(tasks: Mapping[str, Any], methods: Sequence[str], checkpoint: int | None) -> dict[str, float]:
    """Return the mean rank of each method over tasks by `share` at a checkpoint; 1 is the best."""
    places: dict[str, list[float]] = {method: [] for method in methods}
    for task in tasks.values():
        means = {method: share(task, method, checkpoint) for method in methods}
        for method in methods:
            better = sum(other > means[method] for other in means.values())
            equal = sum(other == means[method] for other in means.values())
            places[method].append(better + (equal + 1) / 2)
    return {method: sum(found) / len(found) for method, found in places.items()}


def against(tasks: Mapping[str, Any], method: str, other: str) -> dict[str, tuple[float, float]]:
    """Return the mean difference of two methods' final shares over seeds, and its standard error, for each task."""
    differences = {}
    for name, task in tasks.items():
        mine, theirs = (np.array(task["methods"][m]["shares_by_seed"]) for m in (method, other))
        gaps = mine - theirs
        error = float(gaps.std(ddof=1) / np.sqrt(len(gaps))) if len(gaps) > 1 else math.nan
        differences[name] = (float(gaps.mean()), error)
    return differences


def tables(result: Mapping[str, Any]) -> str:
    """Return the tables: hypervolume at the end by task, mean ranks, epochs to random's hypervolume."""
    trainings = f"{result['budget']} full trainings"
    captions_and_tables = [
        (
            f"Share of the best known front's hypervolume after the epochs of {trainings}, mean ± its standard error "
            f"over n = {result['seeds']} seeds, {result['workers']} workers:"
        ),
        _by_then(result),
        (
            f"Epochs until the hypervolume of {result['budget']} random full trainings is reached, as a share of "
            "theirs (median over seeds; – where fewer than half of the seeds reached it within the budget):"
        ),
        _to_random(result),
        (
            f"Share when all trials that began within the epochs of {trainings} have ended, and the mean of the epochs "
            "spent by then, in full trainings:"
        ),
        _all_ended(result),
        (
            "Hypervolume if stopped trials also counted for the front, with their last losses, as a share of the "
            "hypervolume of the best front of this kind:"
        ),
        _with_stopped(result),
    ]
    return "\n\n".join([*captions_and_tables, ""])


def _by_then(result: Mapping[str, Any]) -> str:
    tasks, (early, middle, _) = result["tasks"], result["checkpoints"]
    at_end, at_early, at_middle = (ranks(tasks, result["methods"], checkpoint) for checkpoint in (2, 0, 1))
    rows = [
        [
            method,
            *("{:.3f} ± {:.3f}".format(*task["methods"][method]["share_of_best"][2]) for task in tasks.values()),
            *(f"{places[method]:.1f}" for places in (at_end, at_early, at_middle)),
        ]
        for method in sorted(at_end, key=lambda method: at_end[method])
    ]
    return _table(["method", *tasks, "mean rank", f"at {early}", f"at {middle}"], rows)


def _to_random(result: Mapping[str, Any]) -> str:
    rows = []
    for method in result["methods"]:
        found = [task["methods"][method]["budget_share_to_random"] for task in result["tasks"].values()]
        rows.append([method, *("–" if epochs is None else f"{epochs:.2f}" for epochs in found)])
    return _table(["method", *result["tasks"]], rows)


def _all_ended(result: Mapping[str, Any]) -> str:
    places = ranks(result["tasks"], result["methods"], None)
    rows = []
    for method in sorted(places, key=lambda method: places[method]):
        found = [task["methods"][method] for task in result["tasks"].values()]
        shares = ["{:.3f} ± {:.3f}".format(*figures["share_when_all_ended"]) for figures in found]
        rows.append(
            [method, *shares, f"{places[method]:.1f}", f"{np.mean([figures['spent'] for figures in found]):.1f}"]
        )
    return _table(["method", *result["tasks"], "mean rank", "spent"], rows)


def _with_stopped(result: Mapping[str, Any]) -> str:
    rows = []
    for method in result["methods"]:
        found = [task["methods"][method]["share_of_best_with_stopped"][0] for task in result["tasks"].values()]
        rows.append([method, *(f"{value:.3f}" for value in found)])
    return _table(["method", *result["tasks"]], rows)


def comparisons(result: Mapping[str, Any], method: str) -> str:
    """Return, for each other method, on how many tasks `method` is ahead or behind by over two standard errors."""
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
    """Draw the hypervolume by epochs spent, in full trainings, with a panel for each task."""
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


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)
