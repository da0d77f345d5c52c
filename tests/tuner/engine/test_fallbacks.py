from typing import Any

from tuner.engine.fallbacks import REPORTED, FallbackCallback


def test_each_fallback_is_told_once_for_all_trials() -> None:
    told: list[str] = []
    callback = FallbackCallback(told.append)
    reports: list[dict[str, Any]] = [{}, {REPORTED: ["a"]}, {REPORTED: ["a", "b"]}, {REPORTED: []}, {REPORTED: ["b"]}]
    for iteration, report in enumerate(reports):
        callback.on_trial_result(iteration, [], None, report)  # type: ignore[arg-type] # the trial is not looked at
    assert told == ["a", "b"]
