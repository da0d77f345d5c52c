"""Stop rules: each holds exactly from its bound on, and once it holds it stays."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from simulated_search import small_space

from tuner.ledger import Decision, Outcome, Report, TrialRecord
from tuner.search.stopping import finished, longest_wait, stop_reason


def trial(number: int, value: float, *, outcome: Outcome = Outcome.COMPLETED, epochs: int = 9) -> TrialRecord:
    """Return a trial that ended as the `number`-th with the same value in both objectives."""
    metrics = {"natural_accuracy": value, "pgd_accuracy": value}
    report = Report(epochs, metrics, rung=False, decision=Decision.STOP, checkpoint=None, time=0.0)
    point = {"alpha": number / 1000, "lambda": 1.0, "bottleneck": 8}
    ended = None if outcome is Outcome.RUNNING else float(number)
    return TrialRecord(number, point, outcome, 0.0, ended, reports=(report,))


def reason(recorded: list[TrialRecord], **search: Any) -> str | None:
    return stop_reason(small_space(search={"trials": 100, **search}), recorded)


def test_without_a_rule_that_holds_there_is_no_reason() -> None:
    assert reason([]) is None
    assert reason([trial(0, 0.5)], max_epochs=10, patience=1) is None


def test_the_trials_are_counted_with_the_running_ones() -> None:
    trials = [trial(0, 0.5), trial(1, 0.5, outcome=Outcome.RUNNING)]
    assert "2 trials" in (reason(trials, trials=2) or "")
    assert reason(trials, trials=3) is None
    space = small_space(search={"trials": 2})
    assert not finished(space, trials)
    assert finished(space, [trials[0], trial(1, 0.5)])


def test_epochs_are_added_up_over_all_trials() -> None:
    trials = [trial(0, 0.5), trial(1, 0.5, outcome=Outcome.STOPPED, epochs=3)]
    assert reason(trials, max_epochs=13) is None
    assert "search.max_epochs is 12" in (reason(trials, max_epochs=12) or "")


@pytest.mark.parametrize(
    ("values", "wait"),
    [([], 0), ([0.5], 0), ([0.5, 0.5], 1), ([0.5, 0.4, 0.6], 1), ([0.5, 0.4, 0.3, 0.6, 0.1], 2), ([0.1, 0.2, 0.3], 0)],
)
def test_the_wait_is_the_longest_row_of_trials_that_add_nothing(values: list[float], wait: int) -> None:
    assert longest_wait(small_space(), [trial(number, value) for number, value in enumerate(values)]) == wait


def test_stopped_trials_add_nothing_and_count() -> None:
    stopped = [trial(number, 0.99, outcome=Outcome.STOPPED, epochs=1) for number in range(1, 4)]
    assert longest_wait(small_space(), stopped) == 0, "no front yet"
    assert longest_wait(small_space(), [trial(0, 0.5), *stopped]) == 3


def test_a_trial_that_ended_later_counts_later_whatever_its_number() -> None:
    early, late = trial(5, 0.9), trial(7, 0.1)
    assert longest_wait(small_space(), [late, early]) == 1


@given(st.lists(st.tuples(st.integers(0, 9), st.sampled_from(list(Outcome))), max_size=25), st.integers(1, 5))
def test_patience_that_is_over_stays_over(drawn: list[tuple[int, Outcome]], patience: int) -> None:
    """A search that was told to end must be finished, whatever its running trials still give."""
    trials = [trial(number, value / 10, outcome=outcome) for number, (value, outcome) in enumerate(drawn)]
    reasons = [reason(trials[:count], patience=patience) is not None for count in range(len(trials) + 1)]
    assert reasons == sorted(reasons)


@given(st.lists(st.integers(1, 9), max_size=20))
def test_the_wait_in_closed_form(values: list[int]) -> None:
    """With equal values in both objectives, the hypervolume grows exactly with the maximum."""
    waits, best = [0], 0
    for value in values:
        waits.append(0 if value > best else waits[-1] + 1)
        best = max(best, value)
    trials = [trial(number, value / 10) for number, value in enumerate(values)]
    assert longest_wait(small_space(), trials) == max(waits)
