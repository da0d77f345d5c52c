"""The state of a search: who drives it, how far it is, how long it will take, and what it was asked for."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from tuner.ledger import Instruction, InstructionState, Outcome, SqlLedger, TrialRecord, as_interrupted
from tuner.report.text import count_of
from tuner.report.time_left import left_in_words, seconds_left_on_record
from tuner.runs.folder import SearchFolder, recorded_space
from tuner.runs.lock import Holder, holder_of, is_driven
from tuner.search.stopping import finished
from tuner.space import Space


class SearchState(StrEnum):
    """Whether a search has a driver, and whether anything is left to do."""

    RUNNING = "running"
    INTERRUPTED = "interrupted"  # no driver, and there is something to do: it can be resumed
    FINISHED = "finished"
    NEW = "not started"


@dataclass(frozen=True)
class Status:
    """The state of a search at one moment.

    Attributes:
        holder: the driver, or the last one.
        counts: trials by outcome.
        trials: the number of trials that the search is going to have.
        epochs: the epochs trained so far.
        left_seconds: None if it is not known.

    """

    search: str
    state: SearchState
    holder: Holder | None
    counts: dict[Outcome, int]
    trials: int
    epochs: int
    left_seconds: float | None
    instructions: tuple[Instruction, ...]

    @property
    def ended(self) -> int:
        """The number of trials that have ended."""
        still_open = (Outcome.RUNNING, Outcome.INTERRUPTED)
        return sum(count for outcome, count in self.counts.items() if outcome not in still_open)


def state_of(folder: SearchFolder, ledger_url: str, space: Space, trials: Sequence[TrialRecord]) -> SearchState:
    """Return the state of a search with these trials on record."""
    if is_driven(folder.path, ledger_url):
        return SearchState.RUNNING
    if finished(space, trials):
        return SearchState.FINISHED
    return SearchState.INTERRUPTED if trials else SearchState.NEW


def status_of(folder: SearchFolder, given_url: str | None, now: float) -> Status:
    """Return the status of a search at the time `now`, in seconds since 1970; raise UsageError if it is unreadable."""
    with folder.ledger(given_url) as ledger:
        return status_on_record(folder, ledger, recorded_space(ledger), ledger.load(), now)


def status_on_record(
    folder: SearchFolder, ledger: SqlLedger, space: Space, trials: Sequence[TrialRecord], now: float
) -> Status:
    """Return the status of a search from its open ledger, of which `space` and `trials` have been read.

    `now` is in seconds since 1970.
    """
    state, holder = state_of(folder, ledger.url, space, trials), holder_of(folder.path, ledger.url)
    left = None
    if state is SearchState.RUNNING and holder is not None:
        began = datetime.fromisoformat(holder.started).timestamp()
        search = space.search
        left = seconds_left_on_record(trials, search.trials, space.epochs, search.max_epochs, began=began, now=now)
    shown = trials if state is SearchState.RUNNING else as_interrupted(trials)
    counts = {outcome: sum(trial.outcome is outcome for trial in shown) for outcome in Outcome}
    return Status(
        search=folder.name,
        state=state,
        holder=holder,
        counts={outcome: count for outcome, count in counts.items() if count},
        trials=space.search.trials,
        epochs=sum(trial.epochs_trained for trial in trials),
        left_seconds=left,
        instructions=tuple(ledger.instructions()),
    )


def status_lines(status: Status, resume: str) -> list[str]:
    """Return the status as lines for a terminal; `resume` is the command that resumes the search."""
    counts = ", ".join(f"{count} {outcome}" for outcome, count in status.counts.items()) or "none yet"
    lines = [f"{status.search}: {state_text(status, resume)}", f"Trials:     {counts}; {status.trials} in all"]
    lines.append(f"Epochs:     {status.epochs} trained")
    if status.state is SearchState.RUNNING:
        lines.append(f"Time left:  {left_in_words(status.left_seconds, status.ended)}")
    waiting = [one for one in status.instructions if one.state is InstructionState.WAITING]
    if waiting:
        lines.append(f"Waiting:    {count_of(len(waiting), 'instruction')}, obeyed at the next resume or in seconds")
    return [*lines, *(f"  {instruction_line(one)}" for one in status.instructions[-5:])]


def state_text(status: Status, resume: str) -> str:
    """Return the state in words: who drives the search, or the command `resume` that goes on with it."""
    who = "" if status.holder is None else f" by {status.holder}"
    last = "" if status.holder is None else f"; its last driver was {status.holder}"
    return {
        SearchState.RUNNING: f"running{who}",
        SearchState.INTERRUPTED: f"interrupted{last}. Resume it: {resume}",
        SearchState.FINISHED: "finished",
        SearchState.NEW: f"not started. Start it: {resume}",
    }[status.state]


def instruction_line(instruction: Instruction) -> str:
    """Return an instruction and its answer as one line."""
    return f"{instruction}: {instruction.answer or 'waits'}"


def status_row(status: Status) -> dict[str, Any]:
    """Return the status as plain values."""
    holder = status.holder
    return {
        "search": status.search,
        "state": status.state.value,
        "process": None if holder is None else holder.process,
        "host": None if holder is None else holder.host,
        "driver_started": None if holder is None else holder.started,
        "outcomes": {outcome.value: count for outcome, count in status.counts.items()},
        "trials": status.trials,
        "epochs": status.epochs,
        "left_seconds": status.left_seconds,
        "instructions": [
            {
                "number": one.number,
                "kind": one.kind,
                **one.arguments,
                "state": one.state.value,
                "answer": one.answer,
            }
            for one in status.instructions
        ],
    }
