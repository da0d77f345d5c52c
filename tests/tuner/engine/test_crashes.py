"""What follows from the crashes of a session."""

import pytest
from simulated_search import MakeLedger, new_search

from tuner.engine.crashes import Crashes
from tuner.ledger import Outcome
from tuner.search import Search

TRACEBACK = "Traceback\nOSError: No space left on device"


def make_search(make_ledger: MakeLedger, trials: int, max_failures: int = 2) -> Search:
    search = new_search(make_ledger, search={"trials": trials, "max_failures": max_failures})
    for _ in range(trials):
        search.next_assignment()
    return search


def crash_for_good(crashes: Crashes, number: int, retries: int = 2) -> None:
    for _ in range(retries):
        crashes.record_retry(number, TRACEBACK)
    crashes.give_up(number, TRACEBACK)


def outcomes(search: Search) -> list[Outcome]:
    return [trial.outcome for trial in Search(search.space, search._ledger).trials]


def test_crashes_of_three_trials_in_a_row_are_too_many_and_leave_them_to_be_resumed(make_ledger: MakeLedger) -> None:
    search = make_search(make_ledger, 3)
    crashes = Crashes(search, lambda: 1)
    crash_for_good(crashes, 0)
    crash_for_good(crashes, 1)
    assert not crashes.too_many, "six crashes, but of two points only"
    crashes.record_retry(2, TRACEBACK)
    assert crashes.too_many
    for fact in ("7 crashes", "trial 2", "OSError: No space left on device", "--set search.max_failures=0"):
        assert fact in str(crashes.verdict)
    assert outcomes(search) == [Outcome.RUNNING] * 3


def test_a_trial_with_retries_left_is_handed_out_again(make_ledger: MakeLedger) -> None:
    search = make_search(make_ledger, 3)
    crashes = Crashes(search, lambda: 1)
    crashes.record_retry(1, TRACEBACK)
    assert crashes.give_up(1, TRACEBACK), "the second crash of three"
    assignment = search.next_assignment()
    assert assignment is not None
    assert assignment.number == 1
    assert not crashes.give_up(1, TRACEBACK)
    assert search.next_assignment() is None


def test_an_epoch_of_any_trial_makes_the_failures_of_the_others_final(make_ledger: MakeLedger) -> None:
    search = make_search(make_ledger, 9)
    crashes = Crashes(search, lambda: 1)
    for number in range(8):
        crash_for_good(crashes, number)
        crashes.record_epoch()
        assert not crashes.too_many
        assert outcomes(search)[number] is Outcome.FAILED
    assert search.trials[0].error == TRACEBACK


@pytest.mark.parametrize(("max_failures", "expected"), [(1, Outcome.RUNNING), (0, Outcome.FAILED)])
def test_a_cause_that_can_be_mended_ends_a_trial_only_if_it_may_not_crash_at_all(
    make_ledger: MakeLedger, max_failures: int, expected: Outcome
) -> None:
    search = make_search(make_ledger, 3, max_failures)
    crashes = Crashes(search, lambda: 1)
    for number in (2, 1):
        while crashes.give_up(number, TRACEBACK, mendable=True):
            pass
    crashes.record_epoch()
    assert outcomes(search) == [Outcome.RUNNING, expected, expected]
    assert (crashes.unmended is None) is (expected is Outcome.FAILED)


def test_a_search_with_too_few_trials_to_judge_ends_with_its_failures_on_record(make_ledger: MakeLedger) -> None:
    search = make_search(make_ledger, 2)
    crashes = Crashes(search, lambda: 1)
    crash_for_good(crashes, 0)
    crash_for_good(crashes, 1)
    assert not crashes.too_many
    crashes.record_failures()
    assert search.finished
    assert outcomes(search) == [Outcome.FAILED] * 2


@pytest.mark.parametrize(("places", "expected"), [(1, 5), (2, 5), (3, 6), (8, 16)])
def test_all_places_may_crash_once_more_before_it_is_too_many(
    make_ledger: MakeLedger, places: int, expected: int
) -> None:
    crashes = Crashes(make_search(make_ledger, 16), lambda: places)
    crashed = 0
    while not crashes.too_many:
        crashes.record_retry(crashed % max(places, 5), TRACEBACK)
        crashed += 1
    assert crashed == expected


def test_crashes_are_counted_over_sessions(make_ledger: MakeLedger) -> None:
    search = make_search(make_ledger, 3)
    crashes = Crashes(search, lambda: 1)
    crashes.record_retry(0, TRACEBACK)
    crashes.record_retry(1, TRACEBACK, own=False)
    assert [crashes.retries_left(number) for number in range(3)] == [1, 2, 2]
    crashes.record_epoch()
    resumed = Search(search.space, search._ledger)
    later = Crashes(resumed, lambda: 1)
    assert [trial.crashes for trial in resumed.trials] == [1, 0, 0]
    assert [later.retries_left(number) for number in range(3)] == [1, 2, 2]
    assert later.give_up(0, TRACEBACK)
    assert not later.give_up(0, TRACEBACK)
    assert later.retries_left(0) == 0
    later.record_epoch()
    assert outcomes(search) == [Outcome.FAILED, Outcome.RUNNING, Outcome.RUNNING]


def test_a_new_epoch_gives_a_trial_all_its_retries_again(make_ledger: MakeLedger) -> None:
    search = make_search(make_ledger, 2)
    crashes = Crashes(search, lambda: 1)
    search.listeners.append(crashes)
    for epoch in (1, 2, 3):
        crashes.record_retry(0, TRACEBACK)
        crashes.record_retry(0, TRACEBACK)
        crashes.record_epoch()
        assert (search.crashes(0), crashes.retries_left(0)) == (2, 0)
        search.report(0, epoch, {"natural_accuracy": 0.5, "pgd_accuracy": 0.5}, None)
        assert (search.crashes(0), crashes.retries_left(0)) == (0, 2)
        assert [trial.crashes for trial in Search(search.space, search._ledger).trials] == [0, 0]
    crashes.record_retry(0, TRACEBACK)
    search.report(0, 4, {"natural_accuracy": 0.5, "pgd_accuracy": 0.5}, None)
    crashes.record_epoch()
    assert search.crashes(0) == 0, "its own epoch came before it was counted"
    crashes.record_retry(0, TRACEBACK)
    search.report(0, 4, {"natural_accuracy": 0.5, "pgd_accuracy": 0.5}, None)
    assert crashes.retries_left(0) == 1, "an epoch that is on record is not new"


def test_a_crash_of_all_trials_costs_no_retry_in_the_next_session(make_ledger: MakeLedger) -> None:
    search = make_search(make_ledger, 3)
    crashes = Crashes(search, lambda: 1)
    for number in (0, 1, 2, 0, 1):
        crashes.record_retry(number, TRACEBACK)
    assert crashes.too_many
    assert [trial.crashes for trial in Search(search.space, search._ledger).trials] == [0, 0, 0]


def test_without_retries_a_crash_is_final_at_once_except_the_last_one_in_the_row(make_ledger: MakeLedger) -> None:
    search = make_search(make_ledger, 6, max_failures=0)
    crashes = Crashes(search, lambda: 1)
    for number in range(5):
        assert not crashes.too_many
        crashes.give_up(number, TRACEBACK)
    assert crashes.too_many
    assert outcomes(search) == [Outcome.FAILED] * 4 + [Outcome.RUNNING] * 2
