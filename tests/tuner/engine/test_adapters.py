"""Ray's searcher and scheduler without a cluster."""

import math
from pathlib import Path
from typing import Any

import pytest
from ray.tune.schedulers import TrialScheduler
from ray.tune.search import Searcher
from ray_stand_ins import ray_trial, result
from simulated_search import MakeLedger, small_space

from tuner.engine.adapters import LedgerScheduler, LedgerSearcher
from tuner.engine.gpu_sharing import GpuShares
from tuner.engine.trial_task import TrialTask, task_of
from tuner.ledger import Decision, Outcome
from tuner.search import Search

CONTINUE, STOP = TrialScheduler.CONTINUE, TrialScheduler.STOP

SPACE = small_space(search={"trials": 3}, resources={"cpus_per_trial": 2.5})


@pytest.fixture
def search(make_ledger: MakeLedger) -> Search:
    return Search(SPACE, make_ledger(SPACE))


def suggested(searcher: LedgerSearcher, trial_id: str) -> TrialTask:
    """Return the task that a searcher suggests."""
    config = searcher.suggest(trial_id)
    assert isinstance(config, dict)
    return task_of(config)


def test_the_searcher_hands_out_as_many_trials_as_may_live_at_once(search: Search) -> None:
    limit = 1
    searcher = LedgerSearcher(search, "/runs/small-1", lambda: limit, GpuShares(0))
    assert suggested(searcher, "a").number == 0
    assert searcher.suggest("b") is None, "Ray must ask again later"
    limit = 2
    assert suggested(searcher, "b").number == 1
    assert searcher.suggest("c") is None
    searcher.on_trial_complete("a")
    assert suggested(searcher, "c").number == 2
    searcher.on_trial_complete("b", error=True)
    assert searcher.suggest("d") is None, "the third may have to be handed out again"
    search.hand_out_again(2)
    assert suggested(searcher, "d").number == 2
    for trial in ("c", "d"):
        searcher.on_trial_complete(trial)
    assert searcher.suggest("e") == Searcher.FINISHED
    assert len(search.trials) == 3


def test_a_suggestion_is_what_the_worker_needs(search: Search) -> None:
    task = suggested(LedgerSearcher(search, "/runs/small-1", lambda: 1, GpuShares(0)), "a")
    assert (task.number, task.checkpoints, task.threads) == (0, (), 2)
    assert task.device == "cpu", "a trial without a GPU of its own must not use another's"
    assert task.config == SPACE.trial_config(search.trials[0].parameters)
    assert task.confirmation is None
    assert (task.split_digest, task.start_digest) == (None, None)


def test_a_worker_is_told_the_hash_of_its_file_of_weights(make_ledger: MakeLedger) -> None:
    space = small_space(trial={"start_weights": "~/a.pt"})
    hashes = {str(Path("~/a.pt").expanduser()): "0123456789abcdef", "/b.pt": "another"}
    searcher = LedgerSearcher(
        Search(space, make_ledger(space)), "/runs/small-1", lambda: 1, GpuShares(0), start_weights=hashes
    )
    assert suggested(searcher, "a").start_digest == "0123456789abcdef"


def test_an_interrupted_trial_goes_on_from_its_checkpoint_under_the_folder(search: Search) -> None:
    search.next_assignment()
    search.report(0, 1, {"natural_accuracy": 0.5, "pgd_accuracy": 0.5}, "ray/session-1/trial-0000/checkpoint_000000")
    rebuilt = Search(SPACE, search._ledger)
    task = suggested(LedgerSearcher(rebuilt, "/runs/small-1", lambda: 1, GpuShares(0)), "a")
    assert task.checkpoints == ("/runs/small-1/ray/session-1/trial-0000/checkpoint_000000",)


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


def test_the_searcher_looks_once_more_for_instructions_before_it_ends_the_run(search: Search) -> None:
    looks = iter([True, False])
    searcher = LedgerSearcher(search, "/runs/small-1", lambda: 9, GpuShares(0), last_look=lambda: next(looks))
    for trial in "abc":
        assert isinstance(searcher.suggest(trial), dict)
    assert searcher.suggest("d") is None, "while a trial runs there is time for that"
    for trial in "abc":
        searcher.on_trial_complete(trial)
    assert searcher.suggest("d") is None, "something was asked for: Ray must ask again"
    assert searcher.suggest("d") == Searcher.FINISHED
