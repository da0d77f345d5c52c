"""What a search, its driver and its readers ask of a ledger, whatever it is stored in."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol, Self

from optuna.distributions import BaseDistribution

from tuner.errors import UsageError
from tuner.ledger.records import Instruction, InstructionState, Outcome, Report, TrialRecord


class LedgerError(UsageError):
    """The ledger cannot be read or written. What it holds stays; the message says how to go on."""


class TakenOverError(LedgerError):
    """Another driver has taken the ledger over, or another program has deleted its study: this driver has none."""


class TrialEndedError(Exception):
    """A trial that has ended was ended again."""


class Ledger(Protocol):
    """The durable record of one search.

    One driver writes it. Every method that writes returns once the record is durable. Use it as a context manager to
    close it at the end.
    """

    taken_over: TakenOverError | None
    """Why this driver may not write any more. Ray turns an error that is raised during a report into text."""

    def facts(self) -> dict[str, Any]:
        """Return what is recorded of the search as a whole."""

    def set_facts(self, facts: Mapping[str, Any]) -> None:
        """Record facts of the search as a whole, JSON values; replace those of the same name."""

    def take_over(self) -> None:
        """Become the driver of this search. The ledger then refuses what an earlier driver writes (TakenOverError)."""

    def propose(self, parameters: Mapping[str, Any], distributions: Mapping[str, BaseDistribution]) -> int:
        """Record a new running trial; return its number, which identifies it everywhere."""

    def enqueued(self) -> dict[int, dict[str, Any]]:
        """Return the parameters of trials that other programs ask this search to run, by number."""

    def start_enqueued(
        self, number: int, parameters: Mapping[str, Any], distributions: Mapping[str, BaseDistribution]
    ) -> bool:
        """Record that an enqueued trial runs now; return False if it is no longer there."""

    def enqueue(self, parameters: Mapping[str, Any], instruction: int, answer: Callable[[int], str]) -> int:
        """Enqueue the trial that an instruction asks for, and record the answer, in one step; return its number.

        `answer` gets that number.
        """

    def instruct(self, kind: str, arguments: Mapping[str, Any]) -> int:
        """Record what a user tells the driver, with arguments that are JSON values; return the instruction's number.

        Any process may call this, also while no driver runs.
        """

    def instructions(self, *, waiting: bool = False) -> Sequence[Instruction]:
        """Return all instructions by number, or only those that wait for an answer."""

    def answer(self, number: int, state: InstructionState, text: str) -> None:
        """Record that an instruction was obeyed or refused, with what followed or the reason."""

    def record(self, number: int, report: Report) -> bool:
        """Record one epoch together with the decision on it.

        Return whether the trial is still running on record: another program may have ended it.
        """

    def count_crashes(self, number: int, crashes: int) -> None:
        """Record how often a running trial has crashed since its last epoch."""

    def renew_checkpoint(self, number: int, epoch: int, checkpoint: str) -> None:
        """Record the new checkpoint of an epoch that was trained again; forget the checkpoints of later epochs."""

    def finish(
        self, number: int, outcome: Outcome, values: Sequence[float] | None = None, error: str | None = None
    ) -> TrialRecord:
        """End a running trial for good; return it as it is on record. `values` are those of a completed trial.

        Raise TrialEndedError if the trial has ended already.
        """

    def trial(self, number: int) -> TrialRecord:
        """Return one trial as it is on record."""

    def load(self) -> list[TrialRecord]:
        """Return all trials of the search in the order of their numbers; trials of other programs are left out."""

    def reports_at(self, epochs: Iterable[int]) -> Iterator[tuple[int, Report]]:
        """Yield the reports of all trials at some epochs, each with its trial's number, by number and epoch."""

    def close(self) -> None:
        """Release all connections."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
