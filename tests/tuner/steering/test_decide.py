"""What follows from an instruction: for each kind, in each state, and for rows that no command writes."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from simulated_search import small_space

from tuner.ledger import Instruction, InstructionState, Outcome, TrialRecord
from tuner.steering.decide import (
    STOPPED_BY_USER,
    AddTrial,
    Change,
    Done,
    EndSession,
    Refuse,
    State,
    StopTrial,
    decide,
    recorded_concurrency,
)

SPACE = small_space(search={"trials": 3})
POINT = {"alpha": 0.5, "lambda": 4.0, "bottleneck": 16}


def trial(number: int, outcome: Outcome = Outcome.RUNNING, error: str | None = None) -> TrialRecord:
    return TrialRecord(number, POINT, outcome, started=0.0, error=error)


TRIALS = {0: trial(0), 1: trial(1, Outcome.COMPLETED), 2: trial(2, Outcome.STOPPED, STOPPED_BY_USER)}
STATE = State(SPACE, TRIALS)


def asked(kind: str, **arguments: Any) -> Instruction:
    return Instruction(0, kind, arguments, time=0.0)


def test_a_running_trial_is_stopped_and_an_ended_one_is_not() -> None:
    assert decide(asked("stop", trial=0), STATE) == StopTrial(0)
    assert isinstance(decide(asked("stop", trial=1), STATE), Refuse)
    assert isinstance(decide(asked("stop", trial=3), STATE), Refuse)
    assert isinstance(decide(asked("stop", trial=2), STATE), Done), "a driver died before it wrote the answer"


def test_a_stop_of_the_search_is_for_the_driver_that_ran_then() -> None:
    assert decide(asked("stop"), STATE) == EndSession()
    assert isinstance(decide(asked("stop"), replace(STATE, starting=True)), Refuse)
    assert decide(asked("stop", trial=0), replace(STATE, starting=True)) == StopTrial(0)


def test_an_added_trial_is_one_of_the_search_or_makes_it_longer() -> None:
    early = State(SPACE, {0: TRIALS[0]})
    assert decide(asked("add", parameters=POINT), early) == AddTrial(POINT, None)
    assert decide(asked("add", parameters=POINT), replace(early, waiting=1)) == AddTrial(POINT, None)
    longer = SPACE.model_copy(update={"search": SPACE.search.model_copy(update={"trials": 4})})
    for state in (STATE, replace(early, waiting=2)):
        step = decide(asked("add", parameters=POINT), state)
        assert isinstance(step, AddTrial)
        assert step.space == longer
    again = replace(STATE, space=longer)
    assert decide(asked("add", parameters=POINT), again) == AddTrial(POINT, None), "a driver died before it enqueued"


@pytest.mark.parametrize("parameters", [{"alpha": 3.0}, {"gamma": 1}, "alpha=0.3", None])
def test_a_trial_that_the_space_does_not_allow_is_refused(parameters: Any) -> None:
    assert isinstance(decide(asked("add", parameters=parameters), STATE), Refuse)


def test_no_trial_is_added_when_another_rule_has_ended_the_search() -> None:
    spent = small_space(search={"trials": 9, "max_epochs": 1})
    done = replace(STATE, space=spent, trials={0: with_epochs(2)})
    assert isinstance(decide(asked("add", parameters=POINT), done), Refuse)


def with_epochs(epochs: int) -> TrialRecord:
    from tuner.ledger import Decision, Report

    made = [Report(e, {}, rung=False, decision=Decision.CONTINUE, checkpoint=None, time=0.0) for e in range(1, epochs)]
    return replace(trial(0), reports=made)


def test_settings_change_the_rules_and_nothing_else() -> None:
    step = decide(asked("set", values={"search.trials": 96, "search.patience": 5, "concurrency": 8}), STATE)
    assert isinstance(step, Change)
    assert (step.space.search.trials, step.space.search.patience) == (96, 5)
    assert step.space.model_copy(update={"search": SPACE.search}) == SPACE
    assert (step.sets_concurrency, step.concurrency) == (True, 8)
    auto = decide(asked("set", values={"concurrency": "auto"}), STATE)
    assert auto == Change(SPACE, sets_concurrency=True, concurrency=None)
    assert decide(asked("set", values={"search.max_epochs": None}), STATE) == Change(
        SPACE, sets_concurrency=False, concurrency=None
    )


@pytest.mark.parametrize(
    "values",
    [
        {"search.trials": 0},
        {"search.trials": "many"},
        {"search.sampler": "random"},
        {"trial.epochs": 3},
        {"concurrency": 0},
        {"concurrency": True},
        {},
        None,
    ],
)
def test_settings_that_are_wrong_or_would_change_results_are_refused(values: Any) -> None:
    assert isinstance(decide(asked("set", values=values), STATE), Refuse)


def test_what_the_resuming_command_sets_itself_wins_over_an_older_instruction() -> None:
    resumed = replace(STATE, starting=True, given=frozenset({"search.trials"}))
    assert isinstance(decide(asked("set", values={"search.trials": 9}), resumed), Refuse)
    assert isinstance(decide(asked("set", values={"search.patience": 9}), resumed), Change)
    later = replace(resumed, starting=False)
    assert isinstance(decide(asked("set", values={"search.trials": 9}), later), Change)


def test_the_last_concurrency_that_was_obeyed_is_remembered() -> None:
    def one(state: InstructionState, **values: Any) -> Instruction:
        return replace(asked("set", values=values), state=state)

    obeyed, refused = InstructionState.OBEYED, InstructionState.REFUSED
    assert recorded_concurrency([]) is None
    assert recorded_concurrency([one(obeyed, concurrency=2), one(refused, concurrency=9)]) == 2
    assert recorded_concurrency([one(obeyed, concurrency=2), one(obeyed, concurrency="auto")]) is None
    assert recorded_concurrency([one(obeyed, concurrency=[]), asked("stop")]) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=6,
)
KEYS = st.sampled_from(["trial", "parameters", "values", "alpha", "search.trials", "concurrency"]) | st.text(max_size=4)


@given(
    kind=st.sampled_from(["stop", "add", "set", "", "delete"]),
    arguments=st.dictionaries(KEYS, JSON | st.dictionaries(KEYS, JSON, max_size=3), max_size=4),
    starting=st.booleans(),
)
def test_whatever_a_row_holds_it_has_an_answer(kind: str, arguments: dict[str, Any], *, starting: bool) -> None:
    decide(Instruction(0, kind, arguments, time=0.0), replace(STATE, starting=starting))
