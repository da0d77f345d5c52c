"""Warm start: what the trials of an earlier search tell the sampler of a new search.

An earlier trial counts if the new search could have run it: its parameters lie in the new ranges, and every other
setting agrees, except the seed and the place of the data. It is evidence at each epoch where the new search compares
trials and the earlier trial was measured. It does not become a trial of the new search: it has no number, is never on
its front, and its point may be tried again. The ledger of the new search keeps a copy of the evidence, so a resumed
search proposes the same even if the earlier search has changed or is gone.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from training.config import IDLE_KEYS, ConfigError, TrialConfig
from tuner.errors import UsageError
from tuner.ledger import Outcome, TrialRecord
from tuner.optuna_private import contains
from tuner.pareto.objectives import FloatArray, Objective, as_losses
from tuner.space import Space
from tuner.space.conditions import holds, in_order
from tuner.space.samplers import facts_of, learning_samplers

FACT = "warm_start"
_Difference = tuple[str, str]  # a key, and why a trial with its value is no evidence


@dataclass(frozen=True)
class EarlierTrial:
    """A trial of `search` as evidence: its point in the new space, and its criteria by epoch."""

    search: str
    number: int
    parameters: dict[str, Any]
    metrics: dict[int, dict[str, float]]

    def losses(self, epoch: int, criteria: Sequence[Objective]) -> FloatArray | None:
        """Return the losses at an epoch, (criteria,), lower is better; None unless all are finite."""
        if epoch not in self.metrics:
            return None
        row = as_losses([self.metrics[epoch]], criteria).reshape(-1)
        return row if np.isfinite(row).all() else None


def to_fact(trials: Sequence[EarlierTrial]) -> list[dict[str, Any]]:
    """Return the evidence as JSON values for the ledger."""
    return [asdict(trial) for trial in trials]


def from_facts(facts: Mapping[str, Any]) -> list[EarlierTrial]:
    """Return the evidence from the facts of a ledger, where JSON has turned the epochs into text."""
    return [
        EarlierTrial(
            search=trial["search"],
            number=trial["number"],
            parameters=trial["parameters"],
            metrics={int(epoch): metrics for epoch, metrics in trial["metrics"].items()},
        )
        for trial in facts.get(FACT, [])
    ]


def earlier_trials(name: str, earlier: Space, trials: Sequence[TrialRecord], space: Space) -> list[EarlierTrial]:
    """Choose the trials of an earlier search that are evidence for `space`, measured where it compares trials.

    An epoch counts if it has every objective and every metric that a constraint limits. Raise UsageError if neither the
    sampler nor the scheduler of the new search learns from evidence, or if no trial of `name` counts.
    """
    if not facts_of(space.search.sampler).learns and space.early_stopping.scheduler != "forecast":
        raise UsageError(
            f"--warm-start {name}: the sampler {space.search.sampler} does not learn from trials. Leave the flag "
            f"out, or set search.sampler to one of {', '.join(learning_samplers())}.",
            ("--warm-start", "search.sampler"),
        )
    if space.names_of("preset"):
        raise UsageError(
            f"--warm-start {name}: {space.name} searches presets, and no recorded trial compares with those.",
            ("--warm-start", "preset"),
        )
    found, reasons, metrics = [], Counter[_Difference](), {criterion.name for criterion in space.criteria}
    for trial in trials:
        if trial.outcome not in {Outcome.COMPLETED, Outcome.STOPPED}:
            continue
        settings = earlier.trial_config(trial.parameters)
        point, reason = _point_of(settings, space)
        measured = {
            report.epoch: {metric: report.metrics[metric] for metric in metrics}
            for report in trial.reports
            if report.epoch in space.compared_epochs and report.metrics.keys() >= metrics
        }
        reason = reason or _unmeasured(trial, metrics, measured, space)
        if reason is None:
            found.append(EarlierTrial(name, trial.number, point, measured))
        else:
            reasons[reason] += 1
    if not found:
        shown = "\n".join(f"  {count} trials: {key} {rule}" for (key, rule), count in reasons.most_common())
        raise UsageError(
            f"--warm-start {name}: none of its trials compares with those of {space.name}"
            + (f":\n{shown}\nLeave the flag out, or make the spaces agree." if shown else ", since none has ended."),
            ("--warm-start", *dict.fromkeys(key for key, _ in reasons)),
        )
    return found


def _unmeasured(
    trial: TrialRecord, metrics: Collection[str], measured: Collection[int], space: Space
) -> _Difference | None:
    """Return why what was `measured` (epochs) says nothing to the new search; None if it says something.

    The forecast begins at the first rung: it learns nothing from a trial that was not measured there.
    """
    first, *_ = space.compared_epochs
    if space.search.sampler == "forecast" and measured and first not in measured:
        return "epochs", f"were not evaluated after epoch {first}, where the forecast begins"
    reported = {metric for report in trial.reports for metric in report.metrics}
    missing = sorted(set(metrics) - reported)
    if missing:
        return missing[0], "was not measured"
    return None if measured else ("epochs", "are too few to be compared")


def _point_of(settings: TrialConfig, space: Space) -> tuple[dict[str, Any], _Difference | None]:
    """Return the point at which the space has a trial with these settings, and None, or else why it has no such trial.

    The point has the parameters whose conditions hold in it.
    """
    theirs = settings.to_mapping()
    found: dict[str, Any] = {}
    for name in in_order(space.parameters, space.conditions):
        key = space.key_of(name)
        if not holds(name, found, space.conditions):
            continue
        if key not in theirs or not contains(space.parameters[name].distribution(), theirs[key]):
            return found, (key, f"is {theirs.get(key)!r}, but must be {space.parameters[name].rule}")
        found[name] = theirs[key]
    point = {name: found[name] for name in space.parameters if name in found}
    return point, _difference(theirs, point, space)


def _difference(theirs: Mapping[str, Any], point: Mapping[str, Any], space: Space) -> _Difference | None:
    """Return in which key that is not searched a trial differs from a trial of the space at the same point."""
    free = {*IDLE_KEYS, "seed", *map(space.key_of, point)}  # the first two change no measurement
    try:
        ours = space.trial_config(point).to_mapping()
    except ConfigError as error:
        key, fault = error.problems[0]
        return key, f"cannot have these values here: {fault}"
    for key in dict.fromkeys([*theirs, *ours]):
        if key not in free and theirs.get(key) != ours.get(key):
            return key, f"is {theirs.get(key)!r} there and {ours.get(key)!r} here"
    return None
