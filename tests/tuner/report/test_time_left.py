"""How far a search is, and how long it will still take."""

from itertools import pairwise

import pytest

from tuner.ledger import Decision, Outcome, Report, TrialRecord
from tuner.report.time_left import Clock, epochs_to_do, in_words, left_in_words, seconds_left, seconds_left_on_record


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


def reported(number: int, epochs: int, outcome: Outcome) -> TrialRecord:
    reports = tuple(
        Report(epoch, {}, rung=False, decision=Decision.CONTINUE, checkpoint=None, time=float(epoch))
        for epoch in range(1, epochs + 1)
    )
    return TrialRecord(number, {}, outcome, started=0.0, reports=reports)


def stopped(*epochs: int) -> list[TrialRecord]:
    return [reported(number, each, Outcome.STOPPED) for number, each in enumerate(epochs)]


def test_the_expected_work_is_an_average_over_the_trials_that_went_as_far() -> None:
    assert epochs_to_do([], 4, 9) == 36, "no trial has ended: the most that is possible"
    assert epochs_to_do(stopped(1, 1), 4, 9) == 2 * (9 + 1 + 1) / 3
    running = reported(2, 1, Outcome.RUNNING)
    assert epochs_to_do([*stopped(1, 3), running], 3, 9) == (9 + 3) / 2 - 1, "the first one did not go as far"
    assert epochs_to_do([*stopped(9, 9), reported(2, 8, Outcome.RUNNING)], 3, 9) == 1
    assert epochs_to_do(stopped(9, 9, 9), 3, 9) == 0
    assert epochs_to_do(stopped(9, 9, 9), 2, 9) == 0, "fewer trials were asked for than have ended"


def test_the_pace_is_that_of_this_process() -> None:
    now = 0.0
    before = stopped(9, 9)
    clock = Clock(before, now=lambda: now)
    assert clock.state(before, 4, 9).left_seconds is None, "no epoch was trained here yet"
    now = 30.0
    state = clock.state(stopped(9, 9, 6), 4, 9)
    assert (state.ended, state.trials, state.epochs, state.most_epochs) == (3, 4, 24, 36)
    assert (state.elapsed_seconds, state.left_seconds) == (30.0, 5.0 * (9 + 9 + 9 + 6) / 4)


def test_the_time_left_falls_between_reports_and_does_not_jump_with_them() -> None:
    now = 0.0
    clock = Clock(now=lambda: now)
    shown = []
    for epochs in range(1, 9):
        for _ in range(10):
            now += 1.0
            done = epochs if now % 10 == 0 else epochs - 1
            state = clock.state([reported(0, done, Outcome.RUNNING)], 1, 9)
            shown += [] if state.left_seconds is None else [state.left_seconds]
    assert shown[0] == 80
    assert {round(before - after, 9) for before, after in pairwise(shown)} == {1.0}


def test_a_search_without_reports_does_not_count_down_for_ever() -> None:
    assert seconds_left(10, 5, 50.0, 3.0) == 97
    assert seconds_left(10, 5, 50.0, 10.0**6) == 90, "only the epoch that is being trained"


def test_the_time_left_is_a_bound_at_first_and_no_time_at_the_end() -> None:
    assert left_in_words(None, 0) != left_in_words(60, 0) != left_in_words(60, 24)
    assert in_words(60) in left_in_words(60, 0)
    assert in_words(60) in left_in_words(60, 24)
    assert in_words(0) not in left_in_words(0, 24), "attacks may still run after the last epoch"


def test_the_nearest_of_all_bounds_counts() -> None:
    now = 0.0
    clock, budget = Clock(now=lambda: now), Clock(budget_seconds=60, now=lambda: now)
    now = 40.0
    done = stopped(5, 5, 5, 5)
    state = clock.state(done, 16, 9, max_epochs=30)
    assert (state.epochs, state.most_epochs, state.left_seconds) == (20, 30, 20.0), "not for 12 trials"
    assert budget.state(done, 16, 9).left_seconds == 20
    assert budget.state([], 16, 9).left_seconds == 20, "nothing ended here yet"
    running = [*done, reported(4, 4, Outcome.RUNNING), reported(5, 3, Outcome.RUNNING)]
    assert clock.state(running, 16, 9, max_epochs=30).most_epochs == 38, "trials that run at max_epochs go on"
    assert clock.state(done, 3, 9, max_epochs=30).most_epochs == 27
    now = 70.0
    assert budget.state(done, 16, 9).left_seconds == 0


def test_the_record_gives_the_estimate_of_a_driver_elsewhere() -> None:
    trials = [reported(0, 4, Outcome.RUNNING)]  # an epoch a second
    assert seconds_left_on_record(trials, 1, 9, None, began=0.0, now=4.5) == 4.5
    assert seconds_left_on_record(trials, 1, 9, None, began=2.0, now=4.0) == pytest.approx(5 * 2 / 3)
    assert seconds_left_on_record(trials, 1, 9, None, began=5.0, now=6.0) is None
