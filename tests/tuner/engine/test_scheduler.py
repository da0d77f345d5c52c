"""Ray's scheduler without a cluster."""

import math
from typing import Any

from ray.tune.schedulers import TrialScheduler
from ray_stand_ins import ray_trial, result

from tuner.engine.gpu_sharing import GpuShares
from tuner.engine.scheduler import LedgerScheduler
from tuner.ledger import Decision, Outcome
from tuner.search import Search

CONTINUE, STOP = TrialScheduler.CONTINUE, TrialScheduler.STOP


def decision(search: Search, number: int, report: dict[str, Any]) -> str:
    """Return what a scheduler decides on a report."""
    return LedgerScheduler(search, "ray/session-2", GpuShares(0)).on_trial_result(None, ray_trial(number), report)


def test_the_scheduler_records_a_report_and_returns_its_decision(search: Search) -> None:
    search.next_assignment(), search.next_assignment()
    good = result(1, 0.9, 0.9, checkpoint_dir_name="checkpoint_000000", **{"metrics/loss/total": 1})
    assert decision(search, 0, good) == CONTINUE
    assert decision(search, 1, result(1, 0.8, 0.8)) == STOP
    first, second = search._ledger.load()
    (report,) = first.reports
    assert report.metrics == {"natural_accuracy": 0.9, "pgd_accuracy": 0.9, "loss/total": 1.0}
    assert report.checkpoint == "ray/session-2/trial-0000_ab12/checkpoint_000000"
    assert (second.outcome, second.reports[0].checkpoint) == (Outcome.STOPPED, None)


def test_a_complete_trial_is_stopped_by_ray(search: Search) -> None:
    search.next_assignment()
    assert decision(search, 0, result(9)) == STOP
    assert search.trials[0].outcome is Outcome.COMPLETED
    assert search.trials[0].reports[-1].decision is Decision.COMPLETE


def test_a_nan_stops(search: Search) -> None:
    search.next_assignment()
    assert decision(search, 0, result(2, math.nan)) == STOP


def test_divergence_is_a_failure_with_the_workers_words(search: Search) -> None:
    search.next_assignment()
    assert decision(search, 0, {"epoch": 3, "error": "epoch 3: loss/total is nan"}) == STOP
    assert (search.trials[0].outcome, search.trials[0].error) == (Outcome.FAILED, "epoch 3: loss/total is nan")
