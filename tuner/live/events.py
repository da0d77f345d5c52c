"""What happened in a search lately, from its record: starts, decisions with their reasons, ends, instructions."""

import heapq
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from tuner.ledger import Instruction, Outcome, TrialRecord, trial_name
from tuner.report.console.trial_details import decision_text, trial_caption
from tuner.report.status import instruction_line


class Event(NamedTuple):
    """Something that happened, in seconds since 1970; `trial` is None for the search as a whole."""

    time: float
    trial: int | None
    text: str

    def row(self) -> dict[str, Any]:
        """Return the event as plain values."""
        return self._asdict()


def latest_events(trials: Sequence[TrialRecord], instructions: Sequence[Instruction], most: int) -> list[Event]:
    """Return the last `most` events, the newest first.

    Only trials that changed last are read: of the others the ledger has not loaded the reports.
    """
    recent = heapq.nlargest(most, trials, key=_changed)
    of_trials = [event for trial in recent for event in _events_of(trial)]
    # An instruction has no time of its answer: it stands where it was given.
    asked = [Event(one.time, one.arguments.get("trial"), instruction_line(one)) for one in instructions[-most:]]
    return heapq.nlargest(most, [*of_trials, *asked], key=lambda event: event.time)


def _changed(trial: TrialRecord) -> float:
    reported = trial.reports[-1].time if trial.reports else 0.0
    return max(trial.started, trial.ended or 0.0, reported)


def _events_of(trial: TrialRecord) -> Iterator[Event]:
    name = trial_name(trial.number)
    yield Event(trial.started, trial.number, f"{name} starts")
    for report in trial.reports:
        if report.rung:
            yield Event(report.time, trial.number, f"{name}, epoch {report.epoch}: {decision_text(report)}")
    if trial.ended is not None and trial.outcome is not Outcome.RUNNING:
        yield Event(trial.ended, trial.number, f"{name}: {trial_caption(trial)}")
