"""Warm start: what the trials of an earlier search tell the sampler of a new one.

An earlier trial counts if the new search could have run it: it agrees with the new space in every setting that is not
searched there (the number of epochs included), and lies in the range of every parameter that is. A parameter that the
earlier search did not vary has the value that its trials were trained with. So nothing is made up, and what does not
compare is left out. Where the data lies and the trials' seed may differ.

An earlier trial is evidence at each epoch at which the new search compares trials and it was measured itself: final
values stand beside final values only, a stopped trial's last ones beside those of the same rung. It is no trial of the
new search: it has no number, is never on its front, and its point may be tried again.

The evidence is written into the new search's ledger when it begins, so that a resumed search proposes the same,
whatever has become of the earlier one.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from training.config import TrialConfig, idle_keys
from tuner.errors import UsageError
from tuner.ledger import Outcome, TrialRecord
from tuner.pareto.objectives import FloatArray, Objective, as_losses, compared_metrics
from tuner.space import Space
from tuner.space.parameters import Parameter

FACT = "warm_start"
_MODELS = ("motpe", "nsga2", "gp")


@dataclass(frozen=True)
class EarlierTrial:
    """A trial of the search `search`, as evidence: its point in the new space, and its objectives by epoch."""

    search: str
    number: int
    parameters: dict[str, Any]
    metrics: dict[int, dict[str, float]]

    def losses(self, epoch: int, objectives: Sequence[Objective]) -> FloatArray | None:
        """Give its losses at an epoch, (objectives,), lower is better; None where it has none that are finite."""
        if epoch not in self.metrics:
            return None
        row = as_losses([self.metrics[epoch]], objectives).reshape(-1)
        return row if np.isfinite(row).all() else None


def to_fact(trials: Sequence[EarlierTrial]) -> list[dict[str, Any]]:
    """Give the evidence as JSON values for the ledger."""
    return [asdict(trial) for trial in trials]


def from_facts(facts: Mapping[str, Any]) -> list[EarlierTrial]:
    """Read the evidence from a ledger's facts; JSON has made the epochs text."""
    return [
        EarlierTrial(
            search=trial["search"],
            number=trial["number"],
            parameters=trial["parameters"],
            metrics={int(epoch): metrics for epoch, metrics in trial["metrics"].items()},
        )
        for trial in facts.get(FACT, [])
    ]


def earlier_trials(
    name: str, earlier: Space, trials: Sequence[TrialRecord], space: Space, epochs: Sequence[int]
) -> list[EarlierTrial]:
    """Choose those of an earlier search's trials that are evidence for `space`, measured at some of `epochs`.

    Raises:
        UsageError: if the new search's sampler learns nothing from evidence, or if no trial of `name` is any.

    """
    if space.search.sampler not in _MODELS:
        raise UsageError(
            f"--warm-start {name}: the sampler {space.search.sampler} proposes the same whatever is known; leave the "
            f"flag out, or set search.sampler to one of {', '.join(_MODELS)}."
        )
    if "preset" in space.parameters:
        raise UsageError(f"--warm-start {name}: {space.name} searches presets, which no recorded trial compares with.")
    found, reasons = [], Counter[str]()
    for trial in trials:
        if trial.outcome not in {Outcome.COMPLETED, Outcome.STOPPED}:
            continue
        settings = earlier.trial_config(trial.parameters)
        reason = why_not(settings, space)
        measured = {
            report.epoch: {key: compared[key] for key in space.objectives if key in compared}
            for report, compared in ((report, compared_metrics(report.metrics)) for report in trial.reports)
            if report.epoch in epochs
        }
        if reason is None and measured:
            point = {key: settings.to_mapping()[key] for key in space.parameters}
            found.append(EarlierTrial(name, trial.number, point, measured))
        else:
            reasons[reason or "it ended before the first epoch at which trials are compared"] += 1
    if not found:
        shown = "\n".join(f"  {count} trials: {reason}" for reason, count in reasons.most_common())
        raise UsageError(
            f"--warm-start {name}: none of its trials can stand beside those of {space.name}"
            + (f":\n{shown}\nLeave the flag out, or make the spaces agree." if shown else ", since none has ended.")
        )
    return found


def why_not(settings: TrialConfig, space: Space) -> str | None:
    """Say why a trial with these settings is none that the space could propose; None if it is one."""
    theirs, ours = settings.to_mapping(), space.example.to_mapping()
    free = idle_keys(ours) | {"seed"}  # they are measured alike all the same
    for key, value in theirs.items():
        if key in space.parameters:
            if not _contains(space.parameters[key], value):
                return f"{key} is {value!r}, but must be {space.parameters[key].rule}"
        elif key not in free and value != ours[key]:
            return f"{key} is {value!r} there and {ours[key]!r} here"
    return None


def _contains(parameter: Parameter, value: Any) -> bool:
    distribution = parameter.distribution()
    try:
        return bool(distribution._contains(distribution.to_internal_repr(value)))  # noqa: SLF001 - as in space.problems
    except (ValueError, TypeError):
        return False
