"""A ledger into which other Optuna clients write: optuna-dashboard, a notebook, a script."""

from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState, create_trial
from simulated_search import SEARCH, MakeLedger, drive, measured, small_space
from typed_commands import Tuner

from tuner.ledger import Decision, Outcome, SqlLedger, default_ledger_url
from tuner.search import Search

SPACE = small_space()
POINT = {"alpha": 0.5, "lambda": 4.0, "bottleneck": 16}


@pytest.fixture
def ledger(make_ledger: MakeLedger) -> SqlLedger:
    return make_ledger(SPACE)


@pytest.fixture
def study(ledger: SqlLedger) -> optuna.Study:
    """The same study, as another program opens it."""
    return optuna.load_study(study_name=ledger.search, storage=ledger.url)


def added(study: optuna.Study, state: TrialState) -> None:
    values = [0.99, 0.99] if state is TrialState.COMPLETE else None
    study.add_trial(create_trial(state=state, values=values, params=POINT, distributions=SPACE.distributions()))


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


@pytest.mark.parametrize("state", [TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL, TrialState.RUNNING])
def test_trials_of_others_change_nothing_but_the_numbers(
    ledger: SqlLedger, study: optuna.Study, make_ledger: MakeLedger, state: TrialState
) -> None:
    alone = Search(SPACE, make_ledger(SPACE, "alone"))
    drive(alone)
    added(study, state)
    search = Search(SPACE, ledger)
    drive(search)
    assert [trial.number for trial in search.trials] == list(range(1, SPACE.search.trials + 1))
    assert [(t.parameters, t.outcome) for t in search.trials] == [(t.parameters, t.outcome) for t in alone.trials]
    assert ledger.foreign() == {0: state.name.lower()}
    assert ledger.load() == search.trials


def test_an_asked_trial_is_foreign(ledger: SqlLedger, study: optuna.Study) -> None:
    study.ask()
    assert ledger.load() == []
    assert ledger.foreign() == {0: "running"}


@pytest.mark.parametrize("state", [TrialState.FAIL, TrialState.PRUNED, TrialState.COMPLETE])
def test_a_trial_that_another_program_ends_has_failed_and_the_search_goes_on(
    ledger: SqlLedger, study: optuna.Study, state: TrialState
) -> None:
    search = Search(SPACE, ledger)
    ended, other = search.next_assignment(), search.next_assignment()
    assert ended is not None
    assert other is not None
    search.report(ended.number, 1, measured(POINT, 1), None)
    study.tell(ended.number, values=[0.9, 0.9] if state is TrialState.COMPLETE else None, state=state)
    assert search.report(ended.number, 2, measured(POINT, 1), None) is Decision.STOP
    assert search.report(other.number, 1, measured(POINT, 1), None) is Decision.CONTINUE
    (failed, running) = search.trials
    assert (failed.outcome, running.outcome) == (Outcome.FAILED, Outcome.RUNNING)
    assert failed.error is not None
    assert state.name.lower() in failed.error
    assert failed.epochs_trained == 2
    assert ledger.load()[0] == failed
    search.hand_out_again(other.number)
    drive(search)
    assert search.finished


def test_a_trial_that_another_program_ended_before_its_last_epoch_has_failed(
    ledger: SqlLedger, study: optuna.Study
) -> None:
    search = Search(small_space(early_stopping={"scheduler": "none"}, trial={"epochs": 1}), ledger)
    assignment = search.next_assignment()
    assert assignment is not None
    study.tell(assignment.number, state=TrialState.FAIL)
    search.fail(assignment.number, "crashed")
    assert search.trials[0].outcome is Outcome.FAILED
    assert ledger.load()[0].error == search.trials[0].error


def test_every_command_works_beside_trials_of_others(
    tuner: Tuner, finished: SqlLedger, runs_dir: Path, tmp_path: Path
) -> None:
    study = optuna.load_study(study_name=SEARCH, storage=default_ledger_url(runs_dir / SEARCH))
    before = tuner("front", SEARCH, "--format", "json").out
    study.enqueue_trial(POINT)
    study.ask()
    added(study, TrialState.COMPLETE)
    study.set_user_attr("dashboard:note", "mine")
    assert tuner("front", SEARCH, "--format", "json").out == before
    shown = tuner("show", SEARCH)
    assert shown.code == 0
    assert "Trials of other programs in the ledger, not of this search" in " ".join(shown.out.split())
    for words in (("list",), ("sync", SEARCH, "--tracking-uri", f"sqlite:///{tmp_path}/mlflow.db")):
        assert tuner(*words).code == 0
    assert tuner("run", "--resume", SEARCH, "--trials", "30", "--dry-run").code == 0
    assert len(finished.load()) < len(study.trials)
