"""Ray's callbacks, with the searcher and the scheduler beside them, without a cluster."""

import errno
import pickle
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from raises_about import raises_about
from ray import tune
from ray.exceptions import RayTaskError
from ray.tune.experiment import Trial
from ray.tune.schedulers import TrialScheduler
from ray_stand_ins import ray_trial, result
from simulated_search import MakeLedger, new_search

from training.data import DataError
from training.trainer.checkpoint import CheckpointError, StorageError
from tuner.engine.adapters import LedgerScheduler, LedgerSearcher
from tuner.engine.callbacks import NO_MESSAGE, FailureCallback, FallbackCallback, SteeringCallback
from tuner.engine.crashes import Crashes
from tuner.engine.gpu_sharing import GpuShares
from tuner.engine.session import StopRequest, _ending
from tuner.engine.session_interface import BrokenOffError, Ending
from tuner.engine.trial_task import FALLBACKS_KEY, task_of
from tuner.ledger import MemoryLedger, Outcome
from tuner.search import Search
from tuner.steering.steering import Steering


def ignore(number: int, error: str) -> None:
    del number, error


def failure_callback(search: Search, on_retry: Callable[[int, str], None] = ignore) -> FailureCallback:
    return FailureCallback(
        Crashes(search, lambda: 1), on_retry, LedgerSearcher(search, "/runs", lambda: 1, GpuShares(0))
    )


def test_a_trial_that_ran_out_of_gpu_memory_is_handed_out_again_with_a_larger_share(search: Search) -> None:
    shares = GpuShares(0.25)
    searcher = LedgerSearcher(search, "/runs", lambda: 1, shares)
    first = searcher.suggest("0")
    assert isinstance(first, dict)
    retries: list[tuple[int, str]] = []
    callback = FailureCallback(Crashes(search, lambda: 1), lambda *line: retries.append(line), searcher)
    for trial, share in enumerate((0.5, 1.0, 1.0)):
        report = {"epoch": 0, "out_of_memory": f"time {trial}"}
        scheduler = LedgerScheduler(search, "ray", shares)
        assert scheduler.on_trial_result(None, ray_trial(0), report) == TrialScheduler.STOP
        callback.on_trial_result(1, [], ray_trial(0), report)
        searcher.on_trial_complete(str(trial))
        again = searcher.suggest(str(trial + 1))
        assert isinstance(again, dict)
        task = task_of(again)
        assert (task.number, task.gpus, task.config) == (0, share, task_of(first).config)
    assert retries == [(0, "time 0"), (0, "time 1"), (0, "time 2")]
    assert search.trials[0].outcome is Outcome.RUNNING
    assert shares.of(1) == 0.25, "the others share as before"


def test_a_crash_is_passed_on_when_retried_and_recorded_when_final(search: Search, tmp_path: Path) -> None:
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


@pytest.mark.parametrize(
    ("cause", "outcome"),
    [
        (DataError("ant.png is damaged", "ant.png"), Outcome.RUNNING),
        (CheckpointError("checkpoint.pt does not exist", "checkpoint.pt"), Outcome.RUNNING),
        (StorageError("checkpoint.pt cannot be read", "checkpoint.pt"), Outcome.RUNNING),
        (OSError(errno.ENOSPC, "No space left on device"), Outcome.RUNNING),
        (RuntimeError("out of memory"), Outcome.FAILED),
    ],
)
def test_what_can_be_mended_is_no_result_of_a_trial(
    make_ledger: MakeLedger, tmp_path: Path, cause: Exception, outcome: Outcome
) -> None:
    search = new_search(make_ledger, search={"trials": 2, "max_failures": 1})
    crashes = Crashes(search, lambda: 1)
    callback = FailureCallback(crashes, ignore, LedgerSearcher(search, "/runs", lambda: 1, GpuShares(0)))
    search.next_assignment(), search.next_assignment()
    pickled = tmp_path / "error.pkl"
    pickled.write_bytes(pickle.dumps(RayTaskError("train", f"Traceback\n{cause!r}", cause)))  # type: ignore[no-untyped-call]
    crashed = ray_trial(0, failures=1, pickled_error_file=pickled)
    callback.on_trial_recover(1, [], crashed)
    callback.on_trial_error(1, [], crashed)
    callback.on_trial_result(2, [], ray_trial(1), result(1))
    search.fail(1, "diverged")
    assert search.trials[0].outcome is outcome
    if outcome is Outcome.FAILED:
        assert _ending(search, StopRequest(None), crashes) is Ending.FINISHED
        return
    with raises_about(BrokenOffError, 0):
        _ending(search, StopRequest(None), crashes)
    resumed = Search(search.space, search._ledger)
    assignment = resumed.next_assignment()
    assert assignment is not None
    assert assignment.number == 0, "it is tried again"


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


def test_a_trial_whose_last_report_is_on_record_is_not_started_again(search: Search) -> None:
    """Its process may die between the report and the end that Ray then asks it for."""
    crashes = Crashes(search, lambda: 1)
    callback = FailureCallback(crashes, ignore, LedgerSearcher(search, "/runs", lambda: 1, GpuShares(0)))
    search.next_assignment(), search.next_assignment()
    trial = ray_trial(0, failures=1)
    trial.run_metadata = SimpleNamespace(metric_analysis={}, metric_n_steps={})
    callback.on_trial_start(1, [], trial)
    callback.on_trial_result(1, [], trial, {**result(1), "done": True})
    assert trial.max_failures == trial.num_failures, "the next crash is one too many"
    callback.on_trial_error(1, [], trial)
    callback.on_trial_result(1, [], ray_trial(1), result(1))
    assert search.trials[0].outcome is Outcome.RUNNING
    assert crashes.retries_left(0) == search.space.search.max_failures


def test_a_trial_whose_process_dies_after_its_report_continues_from_the_record(search: Search) -> None:
    """Ray learns of a checkpoint only after the record has it, and would start the epoch again."""
    searcher = LedgerSearcher(search, "/runs", lambda: 1, GpuShares(0))
    callback = FailureCallback(Crashes(search, lambda: 1), ignore, searcher)
    scheduler = LedgerScheduler(search, "ray/session-1", GpuShares(0))
    searcher.suggest("0")
    trial = ray_trial(0, failures=1)
    scheduler.on_trial_result(None, trial, result(1, checkpoint_dir_name="checkpoint_000000"))
    callback.on_trial_recover(1, [], trial)
    assert task_of(trial.config).checkpoints == ("/runs/ray/session-1/trial-0000_ab12/checkpoint_000000",)
    assert trial.storage.current_checkpoint_index == 0, "the next one is checkpoint_000001"


def test_ray_keeps_no_statistics_of_a_trial_that_has_ended(search: Search) -> None:
    trial = ray_trial(0)
    trial.run_metadata = SimpleNamespace(metric_analysis={"epoch": {"max": 1}}, metric_n_steps={"epoch": {"5": [1]}})
    failure_callback(search).on_trial_complete(1, [], trial)
    assert vars(trial.run_metadata) == {"metric_analysis": {}, "metric_n_steps": {}}


def test_a_crash_without_a_message_gets_one(search: Search, tmp_path: Path) -> None:
    callback = failure_callback(search)
    search.next_assignment(), search.next_assignment(), search.next_assignment()
    for _ in range(3):
        callback.on_trial_error(1, [], ray_trial(0))
        callback.on_trial_error(1, [], ray_trial(1, tmp_path / "nothing"))
    callback.on_trial_result(1, [], ray_trial(2), result(1))
    assert {trial.error for trial in search.trials[:2]} == {NO_MESSAGE}


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


def test_a_trial_that_ray_ends_without_a_call_is_noticed_once(search: Search) -> None:
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
    assert task_of(again).number == 0
    assert list(search._waiting) == []


def test_each_fallback_is_passed_on_once_for_all_trials() -> None:
    texts: list[str] = []
    callback = FallbackCallback(texts.append)
    for iteration, reported in enumerate((None, ["a"], ["a", "b"], [], ["b"])):
        report = {} if reported is None else {FALLBACKS_KEY: reported}
        callback.on_trial_result(iteration, [], ray_trial(0), report)
    assert texts == ["a", "b"]


def test_ray_can_pickle_all_settings(search: Search) -> None:
    """Ray pickles them to restore a session later. Nobody does that, and a ledger has no pickle."""
    searcher = LedgerSearcher(search, "/runs", lambda: 1, GpuShares(0))
    callbacks: list[Any] = [failure_callback(search), FallbackCallback(lambda _: None)]
    for settings in (searcher, LedgerScheduler(search, "ray", GpuShares(0)), StopRequest(1.0), *callbacks):
        pickle.dumps(settings)
    assert all(isinstance(callback, tune.Callback) for callback in callbacks)


def test_instructions_are_looked_for_between_events_until_the_session_ends(search: Search) -> None:
    ledger, stops = MemoryLedger(), 0

    def on_stop() -> None:
        nonlocal stops
        stops += 1

    steering = Steering(search, ledger, clock=iter(range(0, 100, 2)).__next__)
    callback = SteeringCallback(steering, on_stop)
    callback.on_step_end(0, [])
    assert stops == 0
    ledger.instruct("stop", {})
    ledger.instruct("stop", {})
    callback.on_step_end(1, [])
    callback.on_step_end(2, [])
    assert (stops, len(ledger.instructions(waiting=True))) == (2, 1)
