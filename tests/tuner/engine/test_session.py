"""A session's stopper, alone and with the trials that it waits for; how a session ended, judged by what stopped it."""

import pytest
from raises_about import raises_about
from ray.tune.schedulers import TrialScheduler
from ray_stand_ins import ray_trial, result
from simulated_search import MakeLedger, drive, new_search

from tuner.engine.adapters import LedgerScheduler, LedgerSearcher
from tuner.engine.crashes import Crashes
from tuner.engine.gpu_sharing import GpuShares
from tuner.engine.session import CHECKPOINT_SECONDS, StopRequest, _ending, _resources
from tuner.engine.session_interface import BrokenOffError, Ending
from tuner.ledger import Decision, Outcome
from tuner.search import Search


def test_a_stop_request_ends_the_run_and_no_single_trial() -> None:
    stop = StopRequest(None)
    assert not stop.stop_all()
    assert not stop("a", {})
    stop.request()
    assert stop.stop_all()
    assert not stop("a", {})
    assert not stop.out_of_time


def test_a_time_budget_ends_the_run() -> None:
    now = 100.0
    stop = StopRequest(60, clock=lambda: now)
    assert not stop.stop_all()
    now = 160.0
    assert stop.stop_all()
    assert stop.out_of_time
    assert not stop.requested


def test_the_run_ends_if_no_trial_can_work() -> None:
    can_work = True
    stop = StopRequest(None, can_work=lambda: can_work)
    assert not stop.stop_all()
    can_work = False
    assert stop.stop_all()
    assert not stop.requested


def test_a_stop_request_waits_for_the_next_checkpoints_but_not_long(make_ledger: MakeLedger) -> None:
    search = new_search(make_ledger, search={"trials": 3})
    now = 100.0
    stop = StopRequest(None, alive=lambda: searcher.alive, clock=lambda: now)
    searcher = LedgerSearcher(search, "/runs", lambda: 2, GpuShares(0), stopping=lambda: stop.requested)
    scheduler = LedgerScheduler(search, "ray", GpuShares(0), stopping=lambda: stop.requested)
    for name in "ab":
        assert searcher.suggest(name)
    assert scheduler.on_trial_result(None, ray_trial(0), result(1)) == TrialScheduler.CONTINUE
    stop.request()
    assert searcher.suggest("c") is None, "no more trials are handed out"
    assert not stop.stop_all()
    assert scheduler.on_trial_result(None, ray_trial(0), result(2)) == TrialScheduler.STOP
    searcher.on_trial_complete("a")
    assert search.trials[0].outcome is Outcome.RUNNING, "it is resumed"
    assert (search.trials[0].epochs_trained, search.trials[0].reports[-1].decision) == (2, Decision.CONTINUE)
    assert not stop.stop_all(), "another trial still trains"
    now += CHECKPOINT_SECONDS
    assert stop.stop_all()
    now -= 1
    searcher.on_trial_complete("b")
    assert stop.stop_all(), "no trial is left to wait for"


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
    with raises_about(BrokenOffError, 1) as caught:
        _ending(search, StopRequest(None), crashes)
    assert "nothing is mounted at /data" in str(caught.value)


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
