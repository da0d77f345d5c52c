"""A driver that obeys instructions: what is on record after each, and after it dies in between."""

from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from simulated_search import MakeLedger, drive, small_space, train

from tuner.ledger import Decision, InstructionState, LedgerError, MemoryLedger, Outcome, SqlLedger
from tuner.report.front_files import write_front_files
from tuner.report.load import load_search
from tuner.search import Search
from tuner.space import Space
from tuner.steering.decide import STOPPED_BY_USER
from tuner.steering.steering import Steering
from tuner.tracking.layout import end_tags

SPACE = small_space(search={"trials": 3})
POINT = {"alpha": 0.5, "lambda": 4.0, "bottleneck": 16}
OBEYED, REFUSED, WAITING = InstructionState.OBEYED, InstructionState.REFUSED, InstructionState.WAITING


class Driver:
    """A search, what steers it, and the spaces that were written to disk."""

    def __init__(self, ledger: Any, space: Space = SPACE, **options: Any) -> None:
        self.now = 0.0
        self.frozen: list[Space] = []
        self.told: list[str] = []
        self.search = Search(space, ledger)
        self.steering = Steering(
            self.search, ledger, freeze=self.frozen.append, tell=self.told.append, clock=lambda: self.now, **options
        )

    def poll(self) -> None:
        self.now += 2.0
        self.steering.poll()


def states(ledger: Any) -> list[InstructionState]:
    return [one.state for one in ledger.instructions()]


@pytest.fixture(params=["database", "memory"])
def ledger(request: pytest.FixtureRequest, make_ledger: MakeLedger) -> Any:
    return make_ledger(SPACE) if request.param == "database" else MemoryLedger()


def test_a_trial_is_stopped_and_its_next_report_ends_it(ledger: Any) -> None:
    driver = Driver(ledger)
    driver.search.next_assignment(), driver.search.next_assignment()
    driver.search.report(0, 1, {"natural_accuracy": 0.5, "pgd_accuracy": 0.5}, None)
    ledger.instruct("stop", {"trial": 0})
    ledger.instruct("stop", {"trial": 1})
    driver.poll()
    for number, epochs in ((0, 1), (1, 0)):
        trial = ledger.trial(number)
        assert (trial.outcome, trial.error, trial.epochs_trained) == (Outcome.STOPPED, STOPPED_BY_USER, epochs)
        assert driver.search.report(number, 2, {"natural_accuracy": 0.9, "pgd_accuracy": 0.9}, None) is Decision.STOP
        assert ledger.trial(number).epochs_trained == epochs
    assert states(ledger) == [OBEYED, OBEYED]
    assert driver.search.knowledge.failed == set(), "the user stopped it: its point is no bad one"
    assert Search(SPACE, ledger).knowledge.failed == set()


def test_a_trial_that_waits_to_be_resumed_is_stopped_and_not_handed_out(ledger: Any) -> None:
    Search(SPACE, ledger).next_assignment()
    ledger.instruct("stop", {"trial": 0})
    driver = Driver(ledger)
    driver.steering.begin()
    assignment = driver.search.next_assignment()
    assert assignment is not None
    assert assignment.number == 1


def test_an_added_trial_is_the_next_one_and_makes_a_full_search_longer(ledger: Any) -> None:
    driver = Driver(ledger)
    drive(driver.search)
    assert driver.search.finished
    ledger.instruct("add", {"parameters": POINT})
    assert driver.steering.last_look()
    assignment = driver.search.next_assignment()
    assert assignment is not None
    assert (assignment.number, assignment.parameters) == (3, POINT)
    assert ledger.facts()["space"]["search"]["trials"] == 4
    assert [space.search.trials for space in driver.frozen] == [4]
    train(driver.search, assignment)
    assert driver.search.finished
    assert not driver.steering.last_look()


def test_settings_hold_from_now_on_and_on_record(ledger: Any) -> None:
    driver = Driver(ledger)
    ledger.instruct("set", {"values": {"search.trials": 5, "concurrency": 2}})
    driver.poll()
    assert (driver.search.space.search.trials, driver.steering.concurrency) == (5, 2)
    assert Space.model_validate(ledger.facts()["space"]) == driver.search.space == driver.frozen[-1]
    drive(driver.search)
    assert len(driver.search.trials) == 5
    again = Driver(ledger, driver.search.space)
    again.steering.begin()
    assert again.steering.concurrency == 2, "a resume knows it"
    given = Driver(ledger, driver.search.space, concurrency=7, given=["concurrency"])
    given.steering.begin()
    assert given.steering.concurrency == 7


def test_a_stop_ends_this_driver_and_not_the_next_one(ledger: Any) -> None:
    driver = Driver(ledger)
    ledger.instruct("stop", {})
    ledger.instruct("set", {"values": {"search.trials": 9}})
    driver.poll()
    assert driver.steering.stopping
    assert states(ledger) == [OBEYED, WAITING], "the next driver obeys what comes after a stop"
    ledger.instruct("stop", {})
    driver = Driver(ledger)
    driver.steering.begin()
    assert not driver.steering.stopping
    assert states(ledger) == [OBEYED, OBEYED, REFUSED]
    assert driver.search.space.search.trials == 9


def test_what_is_asked_for_after_the_lock_is_meant_for_this_driver_although_its_session_has_not_begun(
    ledger: Any,
) -> None:
    ledger.instruct("stop", {})
    ledger.instruct("set", {"values": {"search.trials": 8}})
    ledger.instruct("set", {"values": {"search.trials": 9}})
    ledger.instruct("stop", {})
    locked_at = ledger.instructions()[2].time
    driver = Driver(ledger, given=["search.trials"], driving_since=locked_at)
    driver.steering.begin()
    assert states(ledger) == [REFUSED, REFUSED, OBEYED, OBEYED]
    assert driver.steering.stopping
    assert driver.search.space.search.trials == 9


def test_instructions_are_looked_for_every_two_seconds(ledger: Any) -> None:
    driver = Driver(ledger)
    driver.poll()
    ledger.instruct("stop", {})
    driver.now += 1.9
    driver.steering.poll()
    assert states(ledger) == [WAITING]
    driver.now += 0.1
    driver.steering.poll()
    assert states(ledger) == [OBEYED]


class Dying(SqlLedger):
    """A ledger whose process is killed before a number of its writes."""

    left = 0

    def _writing(self) -> Any:
        self.left -= 1
        if self.left < 0:
            raise SystemExit
        return super()._writing()

    def set_facts(self, facts: Any) -> None:
        self.left -= 1
        if self.left < 0:
            raise SystemExit
        super().set_facts(facts)


@pytest.mark.parametrize("writes", range(5))
def test_a_driver_that_dies_while_it_obeys_leaves_what_the_next_one_completes(
    make_ledger: MakeLedger, writes: int
) -> None:
    made = make_ledger(SPACE)
    search = Search(SPACE, made)
    for _ in range(3):
        search.next_assignment()
    made.instruct("stop", {"trial": 1})
    made.instruct("add", {"parameters": POINT})
    made.instruct("set", {"values": {"search.patience": 40}})
    dying = Dying.open(made.url, made.search)
    dying.left = writes
    with pytest.raises(SystemExit):
        Driver(dying).poll()
    dying.close()
    recorded = Space.model_validate(made.facts()["space"])
    driver = Driver(made, recorded)
    driver.steering.begin()
    assert states(made) == [OBEYED] * 3
    assert [trial.outcome for trial in made.load()] == [Outcome.RUNNING, Outcome.STOPPED, Outcome.RUNNING]
    assert list(made.enqueued().values()) == [POINT], "enqueued once"
    assert (driver.search.space.search.trials, driver.search.space.search.patience) == (4, 40)
    assert Space.model_validate(made.facts()["space"]) == driver.search.space


def test_a_ledger_that_is_away_for_a_moment_ends_no_search(
    ledger: Any, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    driver = Driver(ledger)
    ledger.instruct("set", {"values": {"search.trials": 9}})

    def away(**_: Any) -> None:
        raise LedgerError("the server is away", "server")

    with monkeypatch.context() as broken:
        broken.setattr(ledger, "instructions", away)
        driver.poll()
        driver.poll()
    assert len(caplog.records) == 1
    driver.poll()
    assert states(ledger) == [OBEYED]


def test_everything_that_shows_trials_shows_one_that_was_stopped_before_its_first_epoch(
    make_ledger: MakeLedger, runs_dir: Path
) -> None:
    ledger = make_ledger(SPACE)
    driver = Driver(ledger)
    driver.search.next_assignment()
    driver.search.stop_trial(0, STOPPED_BY_USER)
    drive(driver.search)
    data = load_search(runs_dir, ledger.search).data
    assert data.counts[Outcome.STOPPED] >= 1
    assert len(write_front_files(runs_dir / ledger.search, data)) == 5
    assert STOPPED_BY_USER in {tag.value for tag in end_tags(ledger.trial(0))}


def test_a_space_that_cannot_be_written_changes_nothing_and_is_tried_again(
    ledger: Any, caplog: pytest.LogCaptureFixture
) -> None:
    full = True

    def freeze(space: Space) -> None:
        del space
        if full:
            raise OSError("No space left on device")

    search = Search(SPACE, ledger)
    steering = Steering(search, ledger, freeze=freeze, clock=iter(range(0, 100, 2)).__next__)
    ledger.instruct("set", {"values": {"search.trials": 9}})
    for _ in range(3):
        steering.poll()
    assert (search.space, states(ledger), len(caplog.records)) == (SPACE, [WAITING], 1)
    full = False
    steering.poll()
    assert (search.space.search.trials, states(ledger)) == (9, [OBEYED])


def test_rows_of_other_programs_break_nothing(make_ledger: MakeLedger) -> None:
    ledger = make_ledger(SPACE)
    for kind in ("stop", "dance", "add"):
        ledger.instruct(kind, {})
    with ledger._engine.begin() as connection:
        connection.execute(sa.text("UPDATE tuner_instructions SET arguments = 'no json' WHERE number = 2"))
        connection.execute(sa.text("UPDATE tuner_instructions SET state = 'perhaps' WHERE number = 0"))
    driver = Driver(ledger)
    driver.steering.begin()
    assert states(ledger) == [REFUSED] * 3
    drive(driver.search)
    assert driver.search.finished
