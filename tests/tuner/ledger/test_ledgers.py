"""What every ledger promises: the same suite on the ledger in a database and on the one in memory."""

from collections.abc import Iterator
from typing import Any

import pytest
from simulated_search import MakeLedger, drive, on_record, small_space

from tuner.ledger import Decision, InstructionState, Ledger, MemoryLedger, Outcome, Report, TrialEndedError
from tuner.search import Search

SPACE = small_space()
POINT = {"alpha": 0.5, "lambda": 1.0, "bottleneck": 16}


@pytest.fixture(params=["database", "memory"])
def ledger(request: pytest.FixtureRequest, make_ledger: MakeLedger) -> Iterator[Ledger]:
    made: Ledger = make_ledger(SPACE) if request.param == "database" else MemoryLedger()
    with made:
        yield made


def propose(ledger: Ledger) -> int:
    return ledger.propose(POINT, SPACE.distributions())


def report(epoch: int, *, checkpoint: str | None = "there", rung: bool = False) -> Report:
    return Report(epoch, {"natural_accuracy": epoch / 10}, rung, Decision.CONTINUE, checkpoint, time=float(epoch))


def test_trials_are_numbered_in_the_order_of_their_proposals(ledger: Ledger) -> None:
    assert [propose(ledger) for _ in range(3)] == [0, 1, 2]
    trials = ledger.load()
    assert [trial.number for trial in trials] == [0, 1, 2]
    assert all(trial.parameters == POINT and trial.outcome is Outcome.RUNNING for trial in trials)
    assert sorted(trial.started for trial in trials) == [trial.started for trial in trials]


def test_reports_are_kept_by_epoch(ledger: Ledger) -> None:
    propose(ledger), propose(ledger)
    for number, epoch in ((1, 1), (0, 1), (1, 2), (1, 3)):
        ledger.record(number, report(epoch, rung=epoch == 3))
    first, second = ledger.load()
    assert list(first.reports) == [report(1)]
    assert list(second.reports) == [report(1), report(2), report(3, rung=True)]
    assert second.epochs_trained == 3
    found = [(number, found.epoch) for number, found in ledger.reports_at([1, 3])]
    assert found == [(0, 1), (1, 1), (1, 3)]


@pytest.mark.parametrize(
    ("outcome", "values", "error"),
    [
        (Outcome.COMPLETED, [0.9, 0.5], None),
        (Outcome.STOPPED, None, None),
        (Outcome.FAILED, None, "RuntimeError: out of memory"),
    ],
)
def test_a_trial_ends_once(ledger: Ledger, outcome: Outcome, values: list[float] | None, error: str | None) -> None:
    propose(ledger), propose(ledger)
    ledger.record(0, report(1))
    ended = ledger.finish(0, outcome, values, error)
    assert (ended.number, ended.outcome, ended.error) == (0, outcome, error)
    assert ended.ended is not None
    assert ended.ended > ended.started
    assert ledger.load()[0] == ended
    with pytest.raises(TrialEndedError):
        ledger.finish(0, outcome, values, error)
    assert ledger.load()[0] == ended
    assert ledger.load()[1].outcome is Outcome.RUNNING


def test_the_ends_of_trials_are_in_order(ledger: Ledger) -> None:
    for _ in range(3):
        propose(ledger)
    ends = [ledger.finish(number, Outcome.STOPPED).ended for number in (2, 0, 1)]
    assert sorted(end for end in ends if end is not None) == ends


def test_crashes_are_counted(ledger: Ledger) -> None:
    propose(ledger)
    for crashes in (1, 2, 0):
        ledger.count_crashes(0, crashes)
        assert ledger.load()[0].crashes == crashes


def test_a_renewed_checkpoint_makes_later_ones_useless(ledger: Ledger) -> None:
    propose(ledger)
    for epoch in (1, 2, 3):
        ledger.record(0, report(epoch, checkpoint=f"old-{epoch}"))
    ledger.renew_checkpoint(0, 2, "new-2")
    (trial,) = ledger.load()
    assert [found.checkpoint for found in trial.reports] == ["old-1", "new-2", None]


def test_facts_are_replaced_by_name(ledger: Ledger) -> None:
    ledger.set_facts({"a": 1, "b": [1, None, "x"]})
    ledger.set_facts({"a": {"c": 2.5}})
    facts = ledger.facts()
    assert (facts["a"], facts["b"]) == ({"c": 2.5}, [1, None, "x"])


def test_the_driver_that_took_it_over_may_write(ledger: Ledger) -> None:
    ledger.take_over()
    propose(ledger)
    assert ledger.taken_over is None
    assert len(ledger.load()) == 1


def test_instructions_are_numbered_and_answered(ledger: Ledger) -> None:
    assert ledger.instructions() == []
    given: list[tuple[str, dict[str, Any]]] = [
        ("stop", {}),
        ("stop", {"trial": 3}),
        ("set", {"values": {"search.trials": 9}}),
    ]
    assert [ledger.instruct(kind, arguments) for kind, arguments in given] == [0, 1, 2]
    assert [(one.kind, one.arguments) for one in ledger.instructions()] == given
    assert ledger.instructions(waiting=True) == ledger.instructions()
    ledger.answer(1, InstructionState.REFUSED, "trial 3 has ended")
    assert [one.number for one in ledger.instructions(waiting=True)] == [0, 2]
    refused = ledger.instructions()[1]
    assert (refused.state, refused.answer) == (InstructionState.REFUSED, "trial 3 has ended")
    assert sorted(one.time for one in ledger.instructions()) == [one.time for one in ledger.instructions()]


def test_a_trial_that_an_instruction_asks_for_waits_and_starts(ledger: Ledger) -> None:
    propose(ledger)
    instruction = ledger.instruct("add", {"parameters": POINT})
    assert ledger.enqueue(POINT, instruction, lambda number: f"trial {number}") == 1
    assert ledger.enqueued() == {1: POINT}
    (answered,) = ledger.instructions()
    assert (answered.state, answered.answer) == (InstructionState.OBEYED, "trial 1")
    assert [trial.number for trial in ledger.load()] == [0]
    assert propose(ledger) == 2
    assert ledger.start_enqueued(1, POINT, SPACE.distributions())
    assert not ledger.start_enqueued(1, POINT, SPACE.distributions())
    assert ledger.enqueued() == {}
    assert [(trial.number, trial.enqueued) for trial in ledger.load()] == [(0, False), (1, True), (2, False)]


def test_a_search_is_the_same_in_every_ledger(make_ledger: MakeLedger) -> None:
    in_database, in_memory = make_ledger(SPACE), MemoryLedger()
    for ledger in (in_database, in_memory):
        drive(Search(SPACE, ledger))
    assert on_record(in_memory) == on_record(in_database)
