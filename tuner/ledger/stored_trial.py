"""What a trial's row in an Optuna study means: its outcome, its own times, and who wrote it."""

from collections.abc import Sequence
from typing import Any

from optuna.trial import TrialState

from tuner.ledger.records import Outcome, Report, TrialRecord
from tuner.ledger.study_tables import TrialRow

# Attributes of a trial. Its own times, unlike Optuna's, are in order even if the clock is set back.
STARTED = "started"
ENDED = "ended"
ERROR = "error"
CRASHES = "crashes"
ENDED_ELSEWHERE = "another program ended it in the ledger"  # the error of such a trial begins with this

STATES = {
    Outcome.COMPLETED: TrialState.COMPLETE,
    Outcome.STOPPED: TrialState.PRUNED,
    Outcome.FAILED: TrialState.FAIL,
}
_OUTCOMES = {state: outcome for outcome, state in STATES.items()} | {TrialState.RUNNING: Outcome.RUNNING}


def start_mark(search_id: str | None, number: int, time: float, *, enqueued: bool) -> dict[str, Any]:
    """Return the attribute of a trial that the search starts.

    Optuna copies attributes with a trial. So the mark names the search and the trial: on a copy it is wrong.
    """
    return {STARTED: {"search_id": search_id, "trial": number, "time": time, "enqueued": enqueued}}


def is_own(row: TrialRow, search_id: str | None) -> bool:
    """Return whether the search started this trial; other Optuna clients may add trials to the study, too."""
    mark = row.attributes.get(STARTED)
    named = isinstance(mark, dict) and (mark.get("search_id"), mark.get("trial")) == (search_id, row.number)
    return named and row.state is not TrialState.WAITING


def own_times(row: TrialRow) -> list[float]:
    """Return the times that the search wrote to one of its trials."""
    return [row.attributes[STARTED]["time"], row.attributes.get(ENDED, 0.0)]


def record_of(row: TrialRow, found: Sequence[Report]) -> TrialRecord:
    """Return a trial of the search. If another program ended it, it failed, whatever state that program chose."""
    ended_here = row.ended is None or ENDED in row.attributes
    elsewhere = f"{ENDED_ELSEWHERE}, as {row.state.name.lower()}"
    mark = row.attributes[STARTED]
    return TrialRecord(
        number=row.number,
        parameters=row.parameters,
        outcome=_OUTCOMES[row.state] if ended_here else Outcome.FAILED,
        started=mark["time"],
        ended=None if row.ended is None else row.attributes.get(ENDED, row.ended),
        reports=found,
        error=row.attributes.get(ERROR) if ended_here else elsewhere,
        crashes=row.attributes.get(CRASHES, 0),
        enqueued=mark["enqueued"],
    )
