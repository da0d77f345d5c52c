"""What follows from an instruction in the present state of a search. These functions change nothing.

An instruction is a row that any program may write, and a driver may have died while it obeyed one. So every row has an
answer, whatever it holds, and one that was obeyed already changes nothing when it is obeyed again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tuner.errors import UsageError, first_line
from tuner.ledger import Instruction, InstructionState, Outcome, TrialRecord
from tuner.search.enqueued import fault_of_enqueued
from tuner.search.stopping import stop_reason
from tuner.space import Space
from tuner.steering.arguments import CONCURRENCY, SETTINGS, read_concurrency, with_settings

STOP, ADD, SET = "stop", "add", "set"
# The error of a trial that the user ended.
STOPPED_BY_USER = "stopped by the user"


@dataclass(frozen=True)
class State:
    """What a decision rests on.

    Attributes:
        trials: the trials of the search by number.
        waiting: how many trials are enqueued and have not started.
        starting: whether the driver has just begun: the instruction is older than it.
        given: the settings that the command line of this driver has given.

    """

    space: Space
    trials: Mapping[int, TrialRecord]
    waiting: int = 0
    starting: bool = False
    given: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Refuse:
    """Change nothing, for a reason."""

    reason: str


@dataclass(frozen=True)
class Done:
    """Change nothing, because it has been done."""

    text: str


@dataclass(frozen=True)
class EndSession:
    """End the session as Ctrl-C does."""


@dataclass(frozen=True)
class StopTrial:
    """End one trial."""

    number: int


@dataclass(frozen=True)
class AddTrial:
    """Enqueue a trial; first go on with another space if it has to have room for one more trial."""

    parameters: dict[str, Any]
    space: Space | None


@dataclass(frozen=True)
class Change:
    """Go on with other rules; `concurrency` counts only if `sets_concurrency`, and None means as many as fit."""

    space: Space
    sets_concurrency: bool
    concurrency: int | None


Step = Refuse | Done | EndSession | StopTrial | AddTrial | Change


def decide(instruction: Instruction, state: State) -> Step:
    """Return what follows from an instruction."""
    if instruction.kind == STOP:
        return _stop(instruction.arguments.get("trial"), state)
    if instruction.kind == ADD:
        return _add(instruction.arguments.get("parameters"), state)
    if instruction.kind == SET:
        return _set(instruction.arguments.get("values"), state)
    return Refuse(f"{instruction.kind!r} is no instruction of this release")


def recorded_concurrency(instructions: list[Instruction]) -> int | None:
    """Return the concurrency that obeyed instructions have set last; None if none of them has."""
    found = None
    for one in instructions:
        values = one.arguments.get("values")
        if (
            one.kind == SET
            and one.state is InstructionState.OBEYED
            and isinstance(values, dict)
            and CONCURRENCY in values
        ):
            try:
                found = read_concurrency(values[CONCURRENCY])
            except UsageError:
                continue
    return found


def _stop(number: Any, state: State) -> Step:
    if number is None:
        # A search that is resumed must not end at once because of a stop that was meant for its last driver.
        return Refuse("the driver that it was meant for had ended already") if state.starting else EndSession()
    if not isinstance(number, int) or isinstance(number, bool) or number not in state.trials:
        return Refuse(f"no trial with the number {number} has started")
    trial = state.trials[number]
    if trial.outcome is Outcome.RUNNING:
        return StopTrial(number)
    if trial.error == STOPPED_BY_USER:
        return Done(f"trial {number} was stopped after epoch {trial.epochs_trained}")
    return Refuse(f"trial {number} has ended already: it is {trial.outcome}")


def _add(parameters: Any, state: State) -> Step:
    if not isinstance(parameters, dict):
        return Refuse("it names no parameters")
    if (fault := fault_of_enqueued(state.space, parameters)) is not None:
        return Refuse(fault)
    space, needed = state.space, len(state.trials) + state.waiting + 1
    if needed > space.search.trials:
        space = with_settings(space, {"search.trials": needed})
    if (reason := stop_reason(space, list(state.trials.values()))) is not None:
        return Refuse(f"no trial starts any more: {reason}")
    return AddTrial(parameters, None if space is state.space else space)


def _set(values: Any, state: State) -> Step:
    if not isinstance(values, dict) or not values:
        return Refuse("it sets nothing")
    if (unknown := next((key for key in values if key not in SETTINGS), None)) is not None:
        return Refuse(f"{unknown} does not change while a search runs")
    if state.starting and (given := sorted(state.given & values.keys())):
        return Refuse(f"the command that resumed the search has set {', '.join(given)}")
    try:
        space = with_settings(state.space, values)
        concurrency = read_concurrency(values[CONCURRENCY]) if CONCURRENCY in values else None
    except UsageError as error:
        return Refuse(first_line(error))
    return Change(space, CONCURRENCY in values, concurrency)
