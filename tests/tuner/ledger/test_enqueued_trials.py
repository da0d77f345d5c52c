"""Trials that another program enqueues: the search runs those that its space allows."""

from typing import Any

import optuna
import pytest
from optuna.trial import TrialState, create_trial
from simulated_search import SEARCH, MakeLedger, drive, small_space

from tuner.ledger import Outcome, SqlLedger
from tuner.search import Search

SPACE = small_space()
POINT = {"alpha": 0.5, "lambda": 4.0, "bottleneck": 16}


def test_an_enqueued_trial_is_the_next_one(ledger: SqlLedger, study: optuna.Study) -> None:
    search = Search(SPACE, ledger)
    assert search.next_assignment() is not None
    study.enqueue_trial(POINT, user_attrs={"note": "mine"})
    study.enqueue_trial({"alpha": 0.125})
    second, third = search.next_assignment(), search.next_assignment()
    assert second is not None
    assert third is not None
    assert (second.number, second.parameters) == (1, POINT)
    assert (third.number, third.parameters["alpha"]) == (2, 0.125)
    assert set(third.parameters) == set(POINT), "the sampler proposes what is absent"
    assert [trial.parameters for trial in Search(SPACE, ledger).trials] == [t.parameters for t in search.trials]
    assert study.trials[1].user_attrs["note"] == "mine"
    assert study.trials[1].state is TrialState.RUNNING


@pytest.mark.parametrize(
    ("wanted", "reason"),
    [
        ({**POINT, "alpha": 3.0}, "alpha is 3.0, but must be a number from 0 to 1"),
        ({"gamma": 1.0}, "gamma is not a parameter of the space"),
        ({**POINT, "bottleneck": "wide"}, "bottleneck is 'wide'"),
        ({"alpha": "0.5"}, "alpha is '0.5', but must be a number from 0 to 1, not text"),
        ({"alpha": True}, "alpha is True, but must be a number from 0 to 1"),
        ({"alpha": 10**400}, "but must be a number from 0 to 1"),
    ],
)
def test_an_enqueued_trial_outside_the_space_is_named_once_and_ignored(
    ledger: SqlLedger,
    study: optuna.Study,
    caplog: pytest.LogCaptureFixture,
    wanted: dict[str, Any],
    reason: str,
) -> None:
    study.enqueue_trial(wanted)
    search = Search(SPACE, ledger)
    drive(search)
    assert caplog.text.count(reason) == 1
    assert [trial.number for trial in search.trials] == list(range(1, SPACE.search.trials + 1))
    assert study.trials[0].state is TrialState.WAITING


@pytest.mark.parametrize("rebuilt", [False, True])
def test_an_enqueued_trial_takes_no_start_point(make_ledger: MakeLedger, *, rebuilt: bool) -> None:
    space = small_space(search={"start_points": [{"alpha": 0.125}, {"alpha": 0.25}]})
    ledger = make_ledger(space)
    study = optuna.load_study(study_name=ledger.search, storage=ledger.url)
    search = Search(space, ledger)
    tried = []
    for enqueued in (0.5, None, 0.75, None):
        if enqueued is not None:
            study.enqueue_trial({"alpha": enqueued})
        search = Search(space, ledger) if rebuilt else search
        tried.append(search._propose().parameters["alpha"])
    assert tried == [0.5, 0.125, 0.75, 0.25]


@pytest.mark.parametrize("wanted", [{"bottleneck": 16.0}, {"alpha": 1}, {"lambda": 1}, {}])
def test_a_rebuilt_search_has_the_enqueued_values_of_the_running_one(
    ledger: SqlLedger, study: optuna.Study, wanted: dict[str, Any]
) -> None:
    study.enqueue_trial(wanted)
    search = Search(SPACE, ledger)
    search.next_assignment()
    (rebuilt,) = Search(SPACE, ledger).trials
    assert repr(search.trials[0].parameters) == repr(rebuilt.parameters)


@pytest.mark.parametrize("fixed", [{}, {"fixed_params": {"alpha": 0.25}}])
def test_a_waiting_trial_that_has_parameters_is_run_with_them(
    ledger: SqlLedger, study: optuna.Study, fixed: dict[str, Any]
) -> None:
    waiting = create_trial(
        state=TrialState.WAITING, params=POINT, distributions=SPACE.distributions(), system_attrs=fixed
    )
    study.add_trial(waiting)
    assignment = Search(SPACE, ledger).next_assignment()
    assert assignment is not None
    assert (assignment.number, assignment.parameters) == (0, POINT)
    assert ledger.load_with_foreign()[1] == {}


def test_trials_are_in_order_if_one_is_enqueued_just_before_another_starts(
    ledger: SqlLedger, study: optuna.Study
) -> None:
    class ThenEnqueued(SqlLedger):
        """Another program enqueues a trial after the first look for such trials."""

        def enqueued(self) -> dict[int, dict[str, Any]]:
            found = super().enqueued()
            if not study.trials:
                study.enqueue_trial({"alpha": 0.5})
            return found

    with ThenEnqueued.open(ledger.url, SEARCH) as watched:
        search = Search(SPACE, watched)
        handed_out = [search._propose().number for _ in range(3)]
        assert handed_out == [1, 0, 2]
        assert [trial.number for trial in search.trials] == [0, 1, 2]


def test_an_enqueued_copy_runs_as_a_new_trial(ledger: SqlLedger, study: optuna.Study) -> None:
    """The copy has the end, the error and the crashes of the first trial, too."""
    search = Search(SPACE, ledger)
    search.next_assignment()
    ledger.count_crashes(0, 2)
    search.fail(0, "out of memory")
    copied = study.trials[0]
    study.enqueue_trial(copied.params, user_attrs=copied.user_attrs)
    assert ledger.load_with_foreign()[1] == {1: "waiting"}
    search.next_assignment()
    running = ledger.load()[1]
    assert (running.outcome, running.error, running.crashes) == (Outcome.RUNNING, None, 0)
    assert running.parameters == copied.params
    study.tell(1, state=TrialState.FAIL)
    assert "another program" in str(ledger.load()[1].error)
