"""The goals for the default search, and whether the measurement met or missed each."""

import math
import statistics
from collections.abc import Mapping
from typing import Any

from benchmarks.search_quality.report import ranks, share

# The share of the epochs of random full trainings that the default may need, by the number of workers.
_WANTED_SHARES = {4: 0.25, 16: 0.33}
_ALLOWED_LOSS = 0.01
_FULL = "full trainings"


def verdicts(result: Mapping[str, Any]) -> str:
    """Return a line of Markdown for each goal: the goal, the measurement, and whether it was met or missed."""
    places = range(len(result["checkpoints"]))
    lines = [
        f"Wanted of {result['default']} and measured, with {result['workers']} workers, n = {result['seeds']} seeds:",
        "",
        _epochs_to_random(result),
        *(_mean_rank(result, place) for place in places),
        _against_full_trainings(result, places[-1]),
    ]
    return "\n".join([*lines, ""])


def _epochs_to_random(result: Mapping[str, Any]) -> str:
    found = [_share_to_random(task, result) for task in result["tasks"].values()]
    median, wanted = statistics.median(found), _WANTED_SHARES.get(result["workers"])
    what = f"epochs to the hypervolume of {result['budget']} random full trainings, median over {len(found)} tasks"
    measured = f"{what}: {median:.2f} of theirs"
    return f"- {measured}" if wanted is None else f"- {_met(median <= wanted)}: {measured} (wanted: {wanted:.2f})"


def _share_to_random(task: Mapping[str, Any], result: Mapping[str, Any]) -> float:
    found = task["methods"][result["default"]]["budget_share_to_random"]
    return math.inf if found is None else float(found)


def _when(result: Mapping[str, Any], place: int) -> str:
    return f"after the epochs of {result['checkpoints'][place]} full trainings"


def _mean_rank(result: Mapping[str, Any], place: int) -> str:
    found = ranks(result["tasks"], result["methods"], place)
    own = found[result["default"]]
    best = min(found, key=lambda method: found[method])
    return (
        f"- {_met(own <= found[best])}: best mean rank of {len(found)} methods by hypervolume {_when(result, place)}: "
        f"{own:.2f}" + ("" if own <= found[best] else f", but {best} has {found[best]:.2f}")
    )


def _against_full_trainings(result: Mapping[str, Any], place: int) -> str:
    """Compare with the best method of each task that trains every trial to the end."""
    rivals = [method for method in result["methods"] if _FULL in method and method != result["default"]]
    worse = {}
    for name, task in result["tasks"].items():
        shares = {method: share(task, method, place) for method in rivals}
        best = max(shares, key=lambda method: shares[method])
        own, other = share(task, result["default"], place), shares[best]
        if own < (1 - _ALLOWED_LOSS) * other:
            worse[name] = f"{name} ({100 * (own / other - 1):.1f} %, {best})"
    goal = f"on no task more than 1 % of hypervolume behind the best of {len(rivals)} methods with full trainings"
    behind = f"; behind on {', '.join(worse.values())}" if worse else ""
    return f"- {_met(not worse)}: {goal} {_when(result, place)}{behind}"


def _met(met: bool) -> str:
    return "met" if met else "MISSED"
