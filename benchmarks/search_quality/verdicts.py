"""What was wanted of the default search, and whether it was met: said in either case."""

import math
import statistics
from collections.abc import Mapping
from typing import Any

from benchmarks.search_quality.methods import FULL_MOTPE
from benchmarks.search_quality.report import ranks

_WANTED_SHARE = 1 / 3
_ALLOWED_LOSS = 0.01


def verdicts(result: Mapping[str, Any]) -> str:
    """Give a line of markdown for each wanted figure: what was wanted, what was measured, met or missed."""
    lines = [
        f"Wanted of {result['default']} and measured, with {result['workers']} workers, n = {result['seeds']} seeds:",
        "",
        _epochs_to_random(result),
    ]
    lines += [_mean_rank(result, place, budget) for place, budget in enumerate(result["checkpoints"])]
    if FULL_MOTPE in result["methods"]:
        lines.append(_against_full_motpe(result))
    return "\n".join([*lines, ""])


def _epochs_to_random(result: Mapping[str, Any]) -> str:
    shares = [task["methods"][result["default"]]["budget_share_to_random"] for task in result["tasks"].values()]
    median = statistics.median(math.inf if share is None else share for share in shares)
    return (
        f"- {_met(median <= _WANTED_SHARE)}: epochs to the hypervolume of {result['budget']} random full trainings, "
        f"median over {len(shares)} tasks: {median:.2f} of theirs (wanted: at most {_WANTED_SHARE:.2f})"
    )


def _mean_rank(result: Mapping[str, Any], place: int, budget: int) -> str:
    found = ranks(result["tasks"], result["methods"], place)
    own = found[result["default"]]
    best = min(found, key=lambda method: found[method])
    return (
        f"- {_met(own <= found[best])}: best mean rank of {len(found)} methods by hypervolume after the epochs of "
        f"{budget} full trainings: {own:.2f}" + ("" if own <= found[best] else f", but {best} has {found[best]:.2f}")
    )


def _against_full_motpe(result: Mapping[str, Any]) -> str:
    worse = {}
    for name, task in result["tasks"].items():
        own, other = (task["methods"][m]["share_of_best"][2][0] for m in (result["default"], FULL_MOTPE))
        if own < (1 - _ALLOWED_LOSS) * other:
            worse[name] = own / other - 1
    listed = ", ".join(f"{name} ({100 * loss:.1f} %)" for name, loss in worse.items())
    return (
        f"- {_met(not worse)}: on no task more than 1 % of hypervolume behind {FULL_MOTPE} after the epochs of "
        f"{result['budget']} full trainings" + (f"; behind on {listed}" if worse else "")
    )


def _met(met: bool) -> str:
    return "met" if met else "MISSED"
