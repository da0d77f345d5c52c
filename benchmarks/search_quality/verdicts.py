"""The goals for the default search, and whether the measurement met or missed each."""

import math
import statistics
from collections.abc import Mapping
from typing import Any

from benchmarks.search_quality.methods import FULL_MOTPE, RANDOM_MO_ASHA
from benchmarks.search_quality.report import ranks, share

_WANTED_SHARE = 1 / 3
_ALLOWED_LOSS = 0.01
# The share of random's epochs that a prototype needed: TPE on each rung, crowding distance, grace 3, factor 3, 4
# workers, 6 seeds.
_PROTOTYPE = {"lcbench_167152": 0.30, "lcbench_126026": 0.44, "lcbench_34539": 0.36, "lcbench_189873": 0.23}
_UNSEEN = "lcbench_"


def verdicts(result: Mapping[str, Any]) -> str:
    """Return a line of Markdown for each goal: the goal, the measurement, and whether it was met or missed."""
    lines = [
        f"Wanted of {result['default']} and measured, with {result['workers']} workers, n = {result['seeds']} seeds:",
        "",
        _epochs_to_random(result),
        *_against_prototype(result),
    ]
    lines += [_mean_rank(result, place) for place in (0, 1, 2, None)]
    if FULL_MOTPE in result["methods"]:
        lines += [_against_full_motpe(result, place) for place in (2, None)]
    return "\n".join([*lines, ""])


def _epochs_to_random(result: Mapping[str, Any]) -> str:
    epochs = {name: _share_to_random(task, result) for name, task in result["tasks"].items()}
    median = statistics.median(epochs.values())
    unseen = [found for name, found in epochs.items() if name.startswith(_UNSEEN)]
    apart = f"; over the {len(unseen)} of LCBench, on which no choice was based, {statistics.median(unseen or [0]):.2f}"
    return (
        f"- {_met(median <= _WANTED_SHARE)}: epochs to the hypervolume of {result['budget']} random full trainings, "
        f"median over {len(epochs)} tasks: {median:.2f} of theirs (wanted: at most {_WANTED_SHARE:.2f})"
        + (apart if unseen else "")
    )


def _against_prototype(result: Mapping[str, Any]) -> list[str]:
    """Compare with the prototype on its tasks, with 4 workers: epochs to random's, and its lead at half the budget."""
    tasks = {name: task for name, task in result["tasks"].items() if name in _PROTOTYPE}
    rivals = [method for method in (RANDOM_MO_ASHA, FULL_MOTPE) if method in result["methods"]]
    if not tasks or result["workers"] != 4:
        return []
    own = {name: _share_to_random(task, result) for name, task in tasks.items()}
    listed = ", ".join(f"{name} {epochs:.2f} ({_PROTOTYPE[name]:.2f})" for name, epochs in own.items())
    behind = [
        f"{name} ({method})"
        for name, task in tasks.items()
        for method in rivals
        if share(task, method, 1) >= share(task, result["default"], 1)
    ]
    fewer = _met(all(epochs <= _PROTOTYPE[name] for name, epochs in own.items()))
    lead = f"{_when(result, 1)} ahead of {' and '.join(rivals)} on these {len(tasks)}"
    lines = [f"- {fewer}: epochs to random's hypervolume, a prototype's in parentheses: {listed}"]
    if rivals:
        lines.append(f"- {_met(not behind)}: {lead}" + (f"; not on {', '.join(behind)}" if behind else ""))
    return lines


def _share_to_random(task: Mapping[str, Any], result: Mapping[str, Any]) -> float:
    found = task["methods"][result["default"]]["budget_share_to_random"]
    return math.inf if found is None else float(found)


def _when(result: Mapping[str, Any], place: int | None) -> str:
    """Return a checkpoint in words; None is the end, when every trial has ended."""
    if place is None:
        return "when all trials that began within the budget have ended"
    return f"after the epochs of {result['checkpoints'][place]} full trainings"


def _mean_rank(result: Mapping[str, Any], place: int | None) -> str:
    found = ranks(result["tasks"], result["methods"], place)
    own = found[result["default"]]
    best = min(found, key=lambda method: found[method])
    return (
        f"- {_met(own <= found[best])}: best mean rank of {len(found)} methods by hypervolume {_when(result, place)}: "
        f"{own:.2f}" + ("" if own <= found[best] else f", but {best} has {found[best]:.2f}")
    )


def _against_full_motpe(result: Mapping[str, Any], place: int | None) -> str:
    worse = {}
    for name, task in result["tasks"].items():
        own, other = (share(task, method, place) for method in (result["default"], FULL_MOTPE))
        if own < (1 - _ALLOWED_LOSS) * other:
            worse[name] = own / other - 1
    listed = ", ".join(f"{name} ({100 * loss:.1f} %)" for name, loss in worse.items())
    return (
        f"- {_met(not worse)}: on no task more than 1 % of hypervolume behind {FULL_MOTPE} {_when(result, place)}"
        + (f"; behind on {listed}" if worse else "")
    )


def _met(met: bool) -> str:
    return "met" if met else "MISSED"
