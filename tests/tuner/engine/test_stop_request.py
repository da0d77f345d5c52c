"""Ray Tune's stopper alone; with the trials that it waits for it is tested beside the adapters."""

import pytest

from tuner.engine.stop_request import StopRequest


def test_a_stop_request_ends_the_run_and_no_single_trial() -> None:
    stop = StopRequest(None, hope=lambda: True)
    assert not stop.stop_all()
    assert not stop("a", {})
    stop.request()
    assert stop.stop_all()
    assert not stop("a", {})
    assert not stop.out_of_time


def test_a_time_budget_ends_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("tuner.engine.stop_request.time.monotonic", lambda: now)
    stop = StopRequest(60, hope=lambda: True)
    assert not stop.stop_all()
    now = 160.0
    assert stop.stop_all()
    assert stop.out_of_time
    assert not stop.requested


def test_without_hope_the_run_ends() -> None:
    hope = True
    stop = StopRequest(None, lambda: hope)
    assert not stop.stop_all()
    hope = False
    assert stop.stop_all()
    assert not stop.requested
