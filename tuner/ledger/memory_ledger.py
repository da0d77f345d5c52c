"""A ledger that lives as long as its process: for simulations, and for tests that need no file."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from optuna.distributions import BaseDistribution

from tuner.ledger.protocol import Ledger, TakenOverError, TrialEndedError
from tuner.ledger.records import Instruction, InstructionState, Outcome, Report, TrialRecord


class MemoryLedger(Ledger):
    """The record of one search in memory. Its times count its writes: 1, 2, 3, ..."""

    def __init__(self, facts: Mapping[str, Any] | None = None) -> None:
        self.taken_over: TakenOverError | None = None
        self._facts = dict(facts or {})
        self._trials: dict[int, TrialRecord] = {}
        self._enqueued: dict[int, dict[str, Any]] = {}
        self._instructions: list[Instruction] = []
        self._time = 0.0

    def facts(self) -> dict[str, Any]:
        return dict(self._facts)

    def set_facts(self, facts: Mapping[str, Any]) -> None:
        self._facts |= facts

    def take_over(self) -> None:
        """Do nothing: no other process can write to this ledger."""

    def propose(self, parameters: Mapping[str, Any], distributions: Mapping[str, BaseDistribution]) -> int:
        del distributions
        number = self._next_number
        self._trials[number] = TrialRecord(number, dict(parameters), Outcome.RUNNING, started=self._now())
        return number

    def enqueued(self) -> dict[int, dict[str, Any]]:
        return {number: dict(wanted) for number, wanted in self._enqueued.items()}

    def start_enqueued(
        self, number: int, parameters: Mapping[str, Any], distributions: Mapping[str, BaseDistribution]
    ) -> bool:
        del distributions
        if self._enqueued.pop(number, None) is None:
            return False
        self._trials[number] = TrialRecord(
            number, dict(parameters), Outcome.RUNNING, started=self._now(), enqueued=True
        )
        self._trials = dict(sorted(self._trials.items()))
        return True

    def enqueue(self, parameters: Mapping[str, Any], instruction: int, answer: Callable[[int], str]) -> int:
        number = self._next_number
        self._enqueued[number] = dict(parameters)
        self.answer(instruction, InstructionState.OBEYED, answer(number))
        return number

    def instruct(self, kind: str, arguments: Mapping[str, Any]) -> int:
        number = len(self._instructions)
        self._instructions.append(Instruction(number, kind, dict(arguments), self._now()))
        return number

    def instructions(self, *, waiting: bool = False) -> Sequence[Instruction]:
        return [one for one in self._instructions if not waiting or one.state is InstructionState.WAITING]

    def answer(self, number: int, state: InstructionState, text: str) -> None:
        self._instructions[number] = replace(self._instructions[number], state=state, answer=text)

    def record(self, number: int, report: Report) -> bool:
        trial = self._trials[number]
        self._trials[number] = replace(trial, reports=(*trial.reports, report))
        return trial.outcome is Outcome.RUNNING

    def count_crashes(self, number: int, crashes: int) -> None:
        self._trials[number] = replace(self._trials[number], crashes=crashes)

    def renew_checkpoint(self, number: int, epoch: int, checkpoint: str) -> None:
        def renewed(report: Report) -> Report:
            if report.epoch < epoch:
                return report
            return replace(report, checkpoint=checkpoint if report.epoch == epoch else None)

        trial = self._trials[number]
        self._trials[number] = replace(trial, reports=tuple(map(renewed, trial.reports)))

    def finish(
        self, number: int, outcome: Outcome, values: Sequence[float] | None = None, error: str | None = None
    ) -> TrialRecord:
        del values
        trial = self._trials[number]
        if trial.outcome is not Outcome.RUNNING:
            raise TrialEndedError(f"Trial {number} is {trial.outcome} already, but only a running trial can end.")
        self._trials[number] = replace(trial, outcome=outcome, ended=self._now(), error=error)
        return self._trials[number]

    def trial(self, number: int) -> TrialRecord:
        return self._trials[number]

    def load(self) -> list[TrialRecord]:
        return list(self._trials.values())

    def reports_at(self, epochs: Iterable[int]) -> Iterator[tuple[int, Report]]:
        chosen = set(epochs)
        return ((trial.number, r) for trial in self._trials.values() for r in trial.reports if r.epoch in chosen)

    def close(self) -> None:
        """Do nothing: there is no connection."""

    @property
    def _next_number(self) -> int:
        return len(self._trials) + len(self._enqueued)

    def _now(self) -> float:
        self._time += 1
        return self._time
