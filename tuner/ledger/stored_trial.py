"""What a trial's row in an Optuna study means: its outcome, its own times, and who wrote it."""

from collections.abc import Sequence

from optuna.trial import TrialState

from tuner.ledger.records import Outcome, Report, TrialRecord
from tuner.ledger.study_tables import TrialRow

# Attributes of a trial. Its own times, unlike Optuna's, are in order even if the clock is set back.
STARTED = "started"
ENDED = "ended"
ERROR = "error"
CRASHES = "crashes"
TIMES = (STARTED, ENDED)

STATES = {
    Outcome.COMPLETED: TrialState.COMPLETE,
    Outcome.STOPPED: TrialState.PRUNED,
    Outcome.FAILED: TrialState.FAIL,
}
_OUTCOMES = {state: outcome for outcome, state in STATES.items()} | {TrialState.RUNNING: Outcome.RUNNING}


def is_own(row: TrialRow) -> bool:
    """Return whether the search started this trial; other Optuna clients may add trials to the study, too."""
    return STARTED in row.attributes


def record_of(row: TrialRow, found: Sequence[Report]) -> TrialRecord:
    """Return a trial of the search. If another program ended it, it failed, whatever state that program chose."""
    ended_here = row.ended is None or ENDED in row.attributes
    elsewhere = f"another program ended it in the ledger, as {row.state.name.lower()}"
    return TrialRecord(
        number=row.number,
        parameters=row.parameters,
        outcome=_OUTCOMES[row.state] if ended_here else Outcome.FAILED,
        started=row.attributes[STARTED],
        ended=None if row.ended is None else row.attributes.get(ENDED, row.ended),
        reports=found,
        error=row.attributes.get(ERROR) if ended_here else elsewhere,
        crashes=row.attributes.get(CRASHES, 0),
    )
