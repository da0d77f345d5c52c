"""Ray Tune's stopper, alone and with the trials that it waits for."""

from ray.tune.schedulers import TrialScheduler
from ray_stand_ins import ray_trial, result
from simulated_search import MakeLedger, new_search

from tuner.engine.gpu_sharing import GpuShares
from tuner.engine.scheduler import LedgerScheduler
from tuner.engine.searcher import LedgerSearcher
from tuner.engine.stop_request import CHECKPOINT_SECONDS, StopRequest
from tuner.ledger import Decision, Outcome

CONTINUE, STOP = TrialScheduler.CONTINUE, TrialScheduler.STOP


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
    assert scheduler.on_trial_result(None, ray_trial(0), result(1)) == CONTINUE
    stop.request()
    assert searcher.suggest("c") is None, "no more trials are handed out"
    assert not stop.stop_all()
    assert scheduler.on_trial_result(None, ray_trial(0), result(2)) == STOP
    searcher.on_trial_complete("a")
    assert search.trials[0].outcome is Outcome.RUNNING, "it is resumed"
    assert (search.trials[0].epochs_trained, search.trials[0].reports[-1].decision) == (2, Decision.CONTINUE)
    assert not stop.stop_all(), "another trial still trains"
    now += CHECKPOINT_SECONDS
    assert stop.stop_all()
    now -= 1
    searcher.on_trial_complete("b")
    assert stop.stop_all(), "no trial is left to wait for"
