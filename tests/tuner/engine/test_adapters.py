"""Ray's searcher, scheduler, callback and stopper without a cluster."""

import math
import pickle
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ray import tune
from ray.tune.experiment import Trial
from ray.tune.schedulers import TrialScheduler
from ray.tune.search import Searcher
from simulated_search import MakeLedger, small_space

from training.config import parse_trial
from tuner.engine.adapters import FailureCallback, LedgerScheduler, LedgerSearcher
from tuner.engine.crashes import Crashes
from tuner.engine.gpu_sharing import GpuShares
from tuner.engine.stop_request import CHECKPOINT_SECONDS, StopRequest
from tuner.ledger import Decision, Outcome
from tuner.search import Search

CONTINUE, STOP = TrialScheduler.CONTINUE, TrialScheduler.STOP
SPACE = small_space(search={"trials": 3}, resources={"cpus_per_trial": 2.5})
NO_CONTROLLER: Any = None


@pytest.fixture
def search(make_ledger: MakeLedger) -> Search:
    return Search(SPACE, make_ledger(SPACE))


def ray_trial(number: int, error_file: Path | None = None, failures: int = 0) -> Any:
    """Give the part of a Ray trial that the adapters look at."""
    return SimpleNamespace(
        trial_id=str(number),
        config={"number": number},
        error_file=None if error_file is None else str(error_file),
        storage=SimpleNamespace(trial_dir_name=f"trial-{number:04d}_ab12"),
        status=Trial.RUNNING,
        num_failures=failures,
        max_failures=99,
    )


def ignore(number: int, error: str) -> None:
    del number, error


def result(epoch: int, natural: float = 0.5, pgd: float = 0.5, **others: Any) -> dict[str, Any]:
    return {
        "epoch": epoch,
        "metrics/natural_accuracy": natural,
        "metrics/pgd_accuracy": pgd,
        "time_total_s": 1,
        **others,
    }


def test_the_searcher_hands_out_as_many_trials_as_may_live_at_once(search: Search) -> None:
    limit = 1
    searcher = LedgerSearcher(search, "/runs/small-1", lambda: limit, GpuShares(0))
    first = searcher.suggest("a")
    assert searcher.suggest("b") is None, "asked again later"
    limit = 2
    second = searcher.suggest("b")
    assert isinstance(first, dict)
    assert isinstance(second, dict)
    assert [first["number"], second["number"]] == [0, 1]
    assert searcher.suggest("c") is None
    searcher.on_trial_complete("a")
    third = searcher.suggest("c")
    assert isinstance(third, dict)
    searcher.on_trial_complete("b", error=True)
    assert searcher.suggest("d") is None, "the third may have to be handed out again"
    search.hand_out_again(2)
    again = searcher.suggest("d")
    assert isinstance(again, dict)
    assert again["number"] == 2
    for trial in ("c", "d"):
        searcher.on_trial_complete(trial)
    assert searcher.suggest("e") == Searcher.FINISHED
    assert len(search.trials) == 3


def test_a_suggestion_is_what_the_worker_needs(search: Search) -> None:
    suggestion = LedgerSearcher(search, "/runs/small-1", lambda: 1, GpuShares(0)).suggest("a")
    assert isinstance(suggestion, dict)
    assert (suggestion["number"], suggestion["checkpoints"], suggestion["threads"]) == (0, [], 2)
    assert suggestion["device"] == "cpu", "a trial without a GPU of its own must not use another's"
    assert parse_trial(suggestion["trial"]) == SPACE.trial_config(search.trials[0].parameters)


def test_an_interrupted_trial_goes_on_from_its_checkpoint_under_the_folder(search: Search) -> None:
    search.next_assignment()
    search.report(0, 1, {"natural_accuracy": 0.5, "pgd_accuracy": 0.5}, "ray/session-1/trial-0000/checkpoint_000000")
    rebuilt = Search(SPACE, search._ledger)
    suggestion = LedgerSearcher(rebuilt, "/runs/small-1", lambda: 1, GpuShares(0)).suggest("a")
    assert isinstance(suggestion, dict)
    assert suggestion["checkpoints"] == ["/runs/small-1/ray/session-1/trial-0000/checkpoint_000000"]


def test_the_scheduler_records_a_report_and_returns_its_decision(search: Search) -> None:
    scheduler = LedgerScheduler(search, "ray/session-2", GpuShares(0))
    search.next_assignment(), search.next_assignment()
    good = result(1, 0.9, 0.9, checkpoint_dir_name="checkpoint_000000", **{"metrics/loss/total": 1})
    assert scheduler.on_trial_result(NO_CONTROLLER, ray_trial(0), good) == CONTINUE
    assert scheduler.on_trial_result(NO_CONTROLLER, ray_trial(1), result(1, 0.8, 0.8)) == STOP
    first, second = search._ledger.load()
    (report,) = first.reports
    assert report.metrics == {"natural_accuracy": 0.9, "pgd_accuracy": 0.9, "loss/total": 1.0}
    assert report.checkpoint == "ray/session-2/trial-0000_ab12/checkpoint_000000"
    assert (second.outcome, second.reports[0].checkpoint) == (Outcome.STOPPED, None)


def test_a_complete_trial_is_stopped_by_ray(search: Search) -> None:
    search.next_assignment()
    assert LedgerScheduler(search, "ray", GpuShares(0)).on_trial_result(NO_CONTROLLER, ray_trial(0), result(9)) == STOP
    assert search.trials[0].outcome is Outcome.COMPLETED
    assert search.trials[0].reports[-1].decision is Decision.COMPLETE


def test_a_nan_stops(search: Search) -> None:
    search.next_assignment()
    assert (
        LedgerScheduler(search, "ray", GpuShares(0)).on_trial_result(NO_CONTROLLER, ray_trial(0), result(2, math.nan))
        == STOP
    )


def test_divergence_is_a_failure_with_the_workers_words(search: Search) -> None:
    search.next_assignment()
    diverged = {"epoch": 3, "error": "epoch 3: loss/total is nan"}
    assert LedgerScheduler(search, "ray", GpuShares(0)).on_trial_result(NO_CONTROLLER, ray_trial(0), diverged) == STOP
    assert (search.trials[0].outcome, search.trials[0].error) == (Outcome.FAILED, "epoch 3: loss/total is nan")


def test_a_trial_that_ran_out_of_gpu_memory_is_handed_out_again_with_a_larger_share(search: Search) -> None:
    shares = GpuShares(0.25)
    searcher = LedgerSearcher(search, "/runs", lambda: 1, shares)
    first = searcher.suggest("0")
    assert isinstance(first, dict)
    told: list[tuple[int, str]] = []
    callback = FailureCallback(Crashes(search, lambda: 1), lambda *line: told.append(line), searcher)
    for trial, share in enumerate((0.5, 1.0, 1.0)):
        report = {"epoch": 0, "out_of_memory": f"time {trial}"}
        scheduler = LedgerScheduler(search, "ray", shares)
        assert scheduler.on_trial_result(NO_CONTROLLER, ray_trial(0), report) == STOP
        callback.on_trial_result(1, [], ray_trial(0), report)
        searcher.on_trial_complete(str(trial))
        again = searcher.suggest(str(trial + 1))
        assert isinstance(again, dict)
        assert (again["number"], again["gpus"], again["trial"]) == (0, share, first["trial"])
    assert told == [(0, "time 0"), (0, "time 1"), (0, "time 2")]
    assert search.trials[0].outcome is Outcome.RUNNING
    assert shares.of(1) == 0.25, "the others share as before"


def failure_callback(search: Search, on_retry: Callable[[int, str], None] = ignore) -> FailureCallback:
    return FailureCallback(
        Crashes(search, lambda: 1), on_retry, LedgerSearcher(search, "/runs", lambda: 1, GpuShares(0))
    )


def test_a_crash_is_told_when_retried_and_recorded_when_final(search: Search, tmp_path: Path) -> None:
    retries: list[tuple[int, str]] = []
    callback = failure_callback(search, lambda number, error: retries.append((number, error)))
    search.next_assignment(), search.next_assignment()
    file = tmp_path / "error.txt"
    file.write_text("Failure # 1 (occurred at noon)\nKeyError: 1\n")
    callback.on_trial_recover(1, [], ray_trial(0, file, failures=1))
    callback.on_trial_recover(1, [], ray_trial(0, file, failures=2))
    assert search.trials[0].outcome is Outcome.RUNNING
    file.write_text(file.read_text() + "Failure # 2 (occurred at one)\nTraceback\nRuntimeError: out of memory\n")
    callback.on_trial_error(2, [], ray_trial(0, file))
    assert search.trials[0].outcome is Outcome.RUNNING, "until some trial trains an epoch"
    callback.on_trial_result(3, [], ray_trial(1), {"epoch": 1, "error": "diverged"})
    assert search.trials[0].outcome is Outcome.RUNNING
    callback.on_trial_result(3, [], ray_trial(1), result(1))
    assert [number for number, _ in retries] == [0, 0]
    assert retries[0][1].endswith("KeyError: 1")
    trial, other = search.trials
    assert other.outcome is Outcome.RUNNING
    assert (trial.outcome, retries[1:]) == (Outcome.FAILED, [retries[0]])
    assert trial.error is not None
    assert trial.error.endswith("RuntimeError: out of memory")
    assert "KeyError" not in trial.error


def test_a_machine_that_was_taken_away_costs_no_retry(search: Search) -> None:
    """Ray does not count it either."""
    callback = failure_callback(search)
    search.next_assignment(), search.next_assignment()
    callback.on_trial_recover(1, [], ray_trial(0, failures=1))
    callback.on_trial_recover(1, [], ray_trial(0, failures=1))
    callback.on_trial_result(1, [], ray_trial(1), result(1))
    assert search.crashes(0) == 1


def test_a_trial_starts_with_the_retries_that_earlier_sessions_left_it(search: Search) -> None:
    callback = failure_callback(search)
    search.next_assignment()
    search.count_crash(0)
    trial = ray_trial(0)
    callback.on_trial_start(1, [], trial)
    assert trial.max_failures == search.space.search.max_failures - 1
    restarted = ray_trial(0, failures=5)
    callback.on_trial_result(1, [], restarted, result(1))
    assert restarted.max_failures == 5 + search.space.search.max_failures - 1, "Ray never forgets its own count"


def test_ray_keeps_no_statistics_of_a_trial_that_has_ended(search: Search) -> None:
    trial = ray_trial(0)
    trial.run_metadata = SimpleNamespace(metric_analysis={"epoch": {"max": 1}}, metric_n_steps={"epoch": {"5": [1]}})
    failure_callback(search).on_trial_complete(1, [], trial)
    assert vars(trial.run_metadata) == {"metric_analysis": {}, "metric_n_steps": {}}


def test_a_crash_without_a_message_says_so(search: Search, tmp_path: Path) -> None:
    callback = failure_callback(search)
    search.next_assignment(), search.next_assignment(), search.next_assignment()
    for _ in range(3):
        callback.on_trial_error(1, [], ray_trial(0))
        callback.on_trial_error(1, [], ray_trial(1, tmp_path / "nothing"))
    callback.on_trial_result(1, [], ray_trial(2), result(1))
    assert {trial.error for trial in search.trials[:2]} == {"the trial's process ended without an error message"}


def test_a_trial_that_ray_gives_up_with_retries_left_is_handed_out_again(search: Search) -> None:
    retries: list[int] = []
    callback = failure_callback(search, lambda number, _: retries.append(number))
    search.next_assignment(), search.next_assignment()
    for _ in range(2):
        callback.on_trial_error(1, [], ray_trial(0))
        assignment = search.next_assignment()
        assert assignment is not None
        assert assignment.number == 0
    assert retries == [0, 0]
    callback.on_trial_error(1, [], ray_trial(0))
    callback.on_trial_result(1, [], ray_trial(1), result(1))
    assert search.trials[0].outcome is Outcome.FAILED
    assert retries == [0, 0]


def test_a_trial_that_ray_ends_without_a_word_is_noticed_once(search: Search) -> None:
    searcher = LedgerSearcher(search, "/runs", lambda: 1, GpuShares(0))
    callback = FailureCallback(Crashes(search, lambda: 1), ignore, searcher)
    assert isinstance(searcher.suggest("0"), dict)
    trial = ray_trial(0)
    callback.on_step_end(1, [trial])
    assert searcher.suggest("1") is None
    trial.status = Trial.ERROR
    callback.on_step_end(2, [trial])
    callback.on_step_end(3, [trial])
    again = searcher.suggest("1")
    assert isinstance(again, dict)
    assert again["number"] == 0
    assert list(search._waiting) == []


def test_a_stop_request_waits_for_the_next_checkpoints_but_not_long(
    search: Search, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 100.0
    monkeypatch.setattr("tuner.engine.stop_request.time.monotonic", lambda: now)
    stop = StopRequest(None, hope=lambda: True, alive=lambda: searcher.alive)
    searcher = LedgerSearcher(search, "/runs", lambda: 2, GpuShares(0), stopping=lambda: stop.requested)
    scheduler = LedgerScheduler(search, "ray", GpuShares(0), stopping=lambda: stop.requested)
    for name in "ab":
        assert searcher.suggest(name)
    assert scheduler.on_trial_result(NO_CONTROLLER, ray_trial(0), result(1)) == CONTINUE
    stop.request()
    assert searcher.suggest("c") is None, "nothing more is handed out"
    assert not stop.stop_all()
    assert scheduler.on_trial_result(NO_CONTROLLER, ray_trial(0), result(2)) == STOP
    searcher.on_trial_complete("a")
    assert search.trials[0].outcome is Outcome.RUNNING, "it is resumed"
    assert (search.trials[0].epochs_trained, search.trials[0].reports[-1].decision) == (2, Decision.CONTINUE)
    assert not stop.stop_all(), "another trial still trains"
    now += CHECKPOINT_SECONDS
    assert stop.stop_all()
    now -= 1
    searcher.on_trial_complete("b")
    assert stop.stop_all(), "nothing is left to wait for"


def test_ray_may_pickle_all_of_them(search: Search) -> None:
    """Ray pickles its settings for a restoration that never happens; a ledger could not be."""
    adapters: list[Any] = [
        LedgerSearcher(search, "/runs", lambda: 1, GpuShares(0)),
        LedgerScheduler(search, "ray", GpuShares(0)),
        failure_callback(search),
        StopRequest(1.0, hope=lambda: True),
    ]
    for adapter in adapters:
        pickle.dumps(adapter)
    assert isinstance(adapters[2], tune.Callback)
