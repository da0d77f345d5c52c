"""What a trial's row in an Optuna study means: its outcome, its own times, and who wrote it."""

from collections.abc import Sequence
from typing import Any

from optuna.trial import TrialState

from tuner.ledger.records import Outcome, Report, TrialRecord
from tuner.ledger.trial_rows import TrialRow

# Attributes of a trial. Its own times, unlike Optuna's, are in order even if the clock is set back.
STARTED = "started"
ENDED = "ended"  # its time and its outcome: another program can overwrite the state in the moment of the end
ERROR = "error"
CRASHES = "crashes"
ENDED_ELSEWHERE = "another program ended it in the ledger"  # the error of such a trial begins with this

STATES = {
    Outcome.COMPLETED: TrialState.COMPLETE,
    Outcome.STOPPED: TrialState.PRUNED,
    Outcome.FAILED: TrialState.FAIL,
}
_ENDS = {outcome.value: outcome for outcome in STATES}


def start_mark(search_id: str | None, number: int, time: float, *, enqueued: bool) -> dict[str, Any]:
    """Return the attribute of a trial that the search starts.

    Optuna copies attributes with a trial. So the mark names the search and the trial: on a copy it is wrong.
    """
    return {STARTED: {"search_id": search_id, "trial": number, "time": time, "enqueued": enqueued}}


def end_mark(outcome: Outcome, time: float) -> dict[str, Any]:
    """Return the attribute of a trial that the search ends."""
    return {ENDED: {"time": time, "outcome": outcome.value}}


def is_own(row: TrialRow, search_id: str | None) -> bool:
    """Return whether the search started this trial; other Optuna clients may add trials to the study, too."""
    mark = row.attributes.get(STARTED)
    named = isinstance(mark, dict) and (mark.get("search_id"), mark.get("trial")) == (search_id, row.number)
    return named and row.state is not TrialState.WAITING


def own_times(row: TrialRow) -> list[float]:
    """Return the times that the search wrote to one of its trials."""
    return [row.attributes[STARTED]["time"], row.attributes.get(ENDED, {"time": 0.0})["time"]]


def record_of(row: TrialRow, found: Sequence[Report]) -> TrialRecord:
    """Return a trial of the search.

    The search's own record of an end holds, whatever state another program gives to the trial afterwards. If another
    program ended it first, it failed, whatever state that program chose.
    """
    outcome, ended, error = _end_of(row)
    mark = row.attributes[STARTED]
    return TrialRecord(
        number=row.number,
        parameters=row.parameters,
        outcome=outcome,
        started=mark["time"],
        ended=ended,
        reports=found,
        error=error,
        crashes=row.attributes.get(CRASHES, 0),
        enqueued=mark["enqueued"],
    )


def _end_of(row: TrialRow) -> tuple[Outcome, float | None, str | None]:
    """Return how, when and with which error a trial ended; a trial that runs has neither time nor error."""
    mark = row.attributes.get(ENDED)
    if mark is not None:
        return _ENDS[mark["outcome"]], float(mark["time"]), row.attributes.get(ERROR)
    if row.state is TrialState.RUNNING:
        return Outcome.RUNNING, None, None
    return Outcome.FAILED, row.ended, f"{ENDED_ELSEWHERE}, as {row.state.name.lower()}"
