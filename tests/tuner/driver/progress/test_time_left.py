"""How far a search is, and how long it will still take."""

import pytest

from tuner.driver.progress.time_left import Clock, in_words
from tuner.ledger import Decision, Outcome, Report, TrialRecord


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (41.6, "42 s"),
        (59.4, "59 s"),
        (59.6, "1 min 00 s"),
        (185, "3 min 05 s"),
        (3599.7, "1 h 00 min"),
        (7620, "2 h 07 min"),
        (360_000, "100 h 00 min"),
    ],
)
def test_durations_as_people_read_them(seconds: float, words: str) -> None:
    assert in_words(seconds) == words


def trials(ended: int, running: int = 0) -> list[TrialRecord]:
    records = [TrialRecord(number, {}, Outcome.STOPPED, started=0.0) for number in range(ended)]
    return records + [TrialRecord(ended + k, {}, Outcome.RUNNING, started=0.0) for k in range(running)]


def test_time_left_is_estimated_from_the_trials_of_this_process() -> None:
    now = 0.0
    clock = Clock(trials(6), now=lambda: now)
    assert clock.state(trials(6, 2), 20, 9).left_seconds is None, "none ended here yet"
    now = 30.0
    state = clock.state(trials(9, 1), 20, 9)
    assert (state.ended, state.trials, state.most_epochs) == (9, 20, 180)
    assert (state.elapsed_seconds, state.left_seconds) == (30.0, 10.0 * 11)
    assert clock.state(trials(20), 20, 9).left_seconds == 0
    assert clock.state(trials(21), 20, 9).left_seconds == 0, "fewer trials were asked for than have ended"


def reported(number: int, epochs: int, outcome: Outcome) -> TrialRecord:
    reports = tuple(
        Report(epoch, {}, rung=False, decision=Decision.CONTINUE, checkpoint=None, time=0.0)
        for epoch in range(1, epochs + 1)
    )
    return TrialRecord(number, {}, outcome, started=0.0, reports=reports)


def test_the_nearest_of_all_bounds_counts() -> None:
    now = 0.0
    clock = Clock(max_epochs=30, now=lambda: now)
    budget = Clock(budget_seconds=60, now=lambda: now)
    now = 40.0
    done = [reported(number, 5, Outcome.STOPPED) for number in range(4)]
    state = clock.state(done, 16, 9)
    assert (state.epochs, state.most_epochs, state.left_seconds) == (20, 30, 20.0), "not 120 s for 12 trials"
    assert budget.state(done, 16, 9).left_seconds == 20
    assert budget.state([], 16, 9).left_seconds == 20, "nothing ended here yet"
    running = [*done, reported(4, 4, Outcome.RUNNING), reported(5, 3, Outcome.RUNNING)]
    assert clock.state(running, 16, 9).most_epochs == 38, "trials that run at max_epochs go on to their end"
    assert clock.state(done, 3, 9).most_epochs == 27
    now = 70.0
    assert budget.state(done, 16, 9).left_seconds == 0
