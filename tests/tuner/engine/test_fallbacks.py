"""What nodes compute in another way than the space asks."""

from typing import Any

from tuner.engine.fallbacks import FALLBACKS_KEY, FallbackCallback


def test_each_fallback_is_passed_on_once_for_all_trials() -> None:
    texts: list[str] = []
    callback = FallbackCallback(texts.append)
    trial: Any = None
    for iteration, reported in enumerate((None, ["a"], ["a", "b"], [], ["b"])):
        report = {} if reported is None else {FALLBACKS_KEY: reported}
        callback.on_trial_result(iteration, [], trial, report)
    assert texts == ["a", "b"]
