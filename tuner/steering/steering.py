"""The driver's part: it looks for instructions, obeys them, and records its answers."""

import logging
import math
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from tuner.errors import UsageError, first_line
from tuner.ledger import Instruction, InstructionState, Ledger, TakenOverError
from tuner.search import Search
from tuner.search.enqueued import fault_of_enqueued
from tuner.space import Space
from tuner.steering.decide import (
    ADD,
    STOPPED_BY_USER,
    AddTrial,
    Change,
    Done,
    EndSession,
    Refuse,
    State,
    Step,
    StopTrial,
    decide,
    recorded_concurrency,
)

_INTERVAL_SECONDS = 2.0

_log = logging.getLogger(__name__)


class Steering:
    """Obeys the instructions to one search. Its methods must be called on the thread that drives the search.

    Attributes:
        concurrency: how many trials may run at once; None means as many as the cluster has room for.
        stopping: whether the session has to end.

    """

    def __init__(
        self,
        search: Search,
        ledger: Ledger,
        *,
        freeze: Callable[[Space], None] = lambda _: None,
        tell: Callable[[str], None] = lambda _: None,
        concurrency: int | None = None,
        given: Sequence[str] = (),
        driving_since: float = math.inf,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`freeze` writes the space to disk, `tell` shows an answer, `given` are settings of the command line.

        `driving_since` is the time, in seconds since 1970, when this driver took the lock. What was asked for later is
        meant for this driver, even if it is read by `begin`.
        """
        self.concurrency = concurrency
        self.stopping = False
        self._search = search
        self._ledger = ledger
        self._freeze = freeze
        self._tell = tell
        self._given = frozenset(given)
        self._driving_since = driving_since
        self._clock = clock
        self._due = 0.0
        self._failing = False

    def begin(self) -> None:
        """Obey what was asked for before the session; call this once."""
        if self.concurrency is None:
            self._attempt(self._recall)
        self._look(starting=True)

    def poll(self) -> None:
        """Obey new instructions; look for them every two seconds at most. Ray calls this many times a second."""
        if self._clock() >= self._due:
            self._look()
            self._due = self._clock() + _INTERVAL_SECONDS

    def last_look(self) -> bool:
        """Look for instructions when nothing is left to do; return whether that has changed the search."""
        return self._look() > 0 and not self._search.finished

    def _recall(self) -> None:
        self.concurrency = recorded_concurrency(list(self._ledger.instructions()))

    def _look(self, *, starting: bool = False) -> int:
        """Obey what waits, and return how many instructions were answered."""
        waiting: list[Instruction] = []
        works = self._attempt(lambda: waiting.extend(self._ledger.instructions(waiting=True)))
        answered = 0
        for instruction in waiting:
            if self.stopping:  # the next driver obeys the rest
                break
            is_older = starting and instruction.time < self._driving_since
            answered += self._attempt(partial(self._obey, instruction, starting=is_older))
        if works and answered == len(waiting):
            self._failing = False
        return answered

    def _attempt(self, work: Callable[[], Any]) -> bool:
        """Do the work and return whether it succeeded; of several failures in a row only the first is logged.

        A ledger that is away for a moment must not end a search.
        """
        try:
            work()
        except TakenOverError:
            raise
        except (UsageError, OSError) as error:
            if not self._failing:
                _log.warning("Instructions cannot be read or answered: %s. They are tried again.", first_line(error))
            self._failing = True
            return False
        return True

    def _obey(self, instruction: Instruction, *, starting: bool) -> None:
        search = self._search
        trials = {trial.number: trial for trial in search.trials}
        enqueued = self._ledger.enqueued().values() if instruction.kind == ADD else ()
        waiting = sum(fault_of_enqueued(search.space, wanted) is None for wanted in enqueued)
        state = State(search.space, trials, waiting, starting=starting, given=self._given)
        text = self._carry_out(instruction, decide(instruction, state))
        self._tell(f"{instruction}: {text}.")

    def _carry_out(self, instruction: Instruction, step: Step) -> str:
        """Carry out a decision, record the answer, and return it."""
        state = InstructionState.OBEYED
        match step:
            case Refuse(reason):
                text, state = f"refused, because {reason}", InstructionState.REFUSED
            case Done(text):
                pass
            case EndSession():
                text = "the search stops; it can be resumed"
            case StopTrial(number):
                self._search.stop_trial(number, STOPPED_BY_USER)
                text = f"trial {number} is stopped; its process ends with its epoch"
            case AddTrial(parameters, space):
                if space is not None:
                    self._change(space)
                return self._enqueue(parameters, instruction)
            case Change(space, sets_concurrency, concurrency):
                self._change(space)
                if sets_concurrency:
                    self.concurrency = concurrency
                text = "done"
        self._ledger.answer(instruction.number, state, text)
        # After the answer: a driver that dies in between is not stopped again when it is resumed.
        self.stopping = self.stopping or isinstance(step, EndSession)
        return text

    def _enqueue(self, parameters: dict[str, Any], instruction: Instruction) -> str:
        def answer(number: int) -> str:
            return f"trial {number} runs as soon as a place is free; the search has {search.trials} trials"

        search = self._search.space.search
        return answer(self._ledger.enqueue(parameters, instruction.number, answer))

    def _change(self, space: Space) -> None:
        if space != self._search.space:
            self._freeze(space)  # first: if the disk is full, nothing has changed, and it is tried again
            self._search.change(space)
