"""How a session ended, judged by its search, its stopper and its crashes."""

import pytest
from simulated_search import drive

from tuner.engine.crashes import Crashes
from tuner.engine.session import _ending, _resources
from tuner.engine.session_events import BrokenOffError, Ending
from tuner.engine.stop_request import StopRequest
from tuner.ledger import Outcome
from tuner.search import Search


@pytest.fixture
def crashes(search: Search) -> Crashes:
    return Crashes(search, lambda: 1)


def test_a_session_ends_for_the_reason_it_was_stopped_or_finished(search: Search, crashes: Crashes) -> None:
    interrupted = StopRequest(None)
    interrupted.request()
    assert _ending(search, interrupted, crashes) is Ending.INTERRUPTED
    assert _ending(search, StopRequest(0), crashes) is Ending.OUT_OF_TIME
    assert _ending(search, StopRequest(None), crashes) is Ending.BROKEN_OFF
    drive(search)
    for stop in (interrupted, StopRequest(0), StopRequest(None)):
        assert _ending(search, stop, crashes) is Ending.FINISHED


def test_a_row_of_crashes_breaks_a_session_off_with_the_last_error(search: Search, crashes: Crashes) -> None:
    for number in (0, 1, 2, 0, 1):
        crashes.record_retry(number, "Traceback\nDataError: nothing is mounted at /data")
    with pytest.raises(BrokenOffError, match=r"trial 1: DataError: nothing is mounted at /data"):
        _ending(search, StopRequest(None), crashes)


def test_failures_that_wait_for_an_epoch_are_on_record_when_no_trial_is_left_to_train(
    search: Search, crashes: Crashes
) -> None:
    search.next_assignment(), search.next_assignment(), search.next_assignment()
    search.fail(2, "diverged")
    for number in (0, 0, 0, 1, 1, 1):
        crashes.give_up(number, "RuntimeError: out of memory")
    assert not search.finished
    assert _ending(search, StopRequest(None), crashes) is Ending.FINISHED
    assert {trial.outcome for trial in search.trials} == {Outcome.FAILED}


def test_several_gpus_are_bundles_of_one_node_with_a_process_each() -> None:
    assert _resources(4, 0).bundles == [{"CPU": 4}]
    assert _resources(4, 0.25).bundles == [{"CPU": 4, "GPU": 0.25}]
    several = _resources(8, 4)
    assert several.bundles == [{"CPU": 2, "GPU": 1}] * 4
    assert several.strategy == "STRICT_PACK"
