"""A ledger into which other Optuna clients write: optuna-dashboard, a notebook, a script."""

import json
from pathlib import Path

import optuna
import pytest
import sqlalchemy as sa
from optuna.trial import TrialState, create_trial
from raises_about import raises_about
from simulated_search import SEARCH, MakeLedger, drive, measured, on_record, small_space
from typed_commands import Tuner

from tuner.errors import UsageError
from tuner.ledger import Decision, Outcome, SqlLedger, TakenOverError, default_ledger_url
from tuner.runs.folder import SearchFolder
from tuner.runs.renamed import adopt_name
from tuner.search import Search

SPACE = small_space()
POINT = {"alpha": 0.5, "lambda": 4.0, "bottleneck": 16}


def added(study: optuna.Study, state: TrialState) -> None:
    values = [0.99, 0.99] if state is TrialState.COMPLETE else None
    study.add_trial(create_trial(state=state, values=values, params=POINT, distributions=SPACE.distributions()))


def test_each_trial_has_its_own_number_if_another_program_adds_one_meanwhile(
    ledger: SqlLedger, study: optuna.Study
) -> None:
    """The other program writes just before the search's own row, after everything that is read for it."""
    search = Search(SPACE, ledger)
    search.next_assignment()
    others: list[int] = []

    def meanwhile(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("INSERT INTO trials") and not others:
            others.append(study.ask().number)

    sa.event.listen(ledger._engine, "before_cursor_execute", meanwhile)
    search.next_assignment()
    assert others == [1]
    assert [trial.number for trial in study.get_trials()] == [0, 1, 2]
    assert [trial.number for trial in search.trials] == [0, 2]


def test_copies_of_trials_are_not_trials_of_the_search(
    ledger: SqlLedger, study: optuna.Study, make_ledger: MakeLedger
) -> None:
    other = make_ledger(SPACE, "other")
    drive(Search(SPACE, other))
    study.add_trials(optuna.load_study(study_name="other", storage=other.url).trials)
    assert ledger.load() == []
    search = Search(SPACE, ledger)
    drive(search)
    assert [trial.number for trial in search.trials] == list(range(12, 24))
    study.add_trials(study.trials[12:14])
    assert ledger.load() == search.trials


def test_a_study_that_is_deleted_while_it_is_read_is_named(ledger: SqlLedger, study: optuna.Study) -> None:
    optuna.delete_study(study_name=study.study_name, storage=ledger.url)
    with raises_about(TakenOverError, (SEARCH, None)):
        Search(SPACE, ledger)


@pytest.mark.parametrize("write", ["propose", "report", "fail"])
def test_a_driver_ends_with_a_sentence_if_its_study_is_deleted(
    ledger: SqlLedger, study: optuna.Study, write: str
) -> None:
    ledger.take_over()
    search = Search(SPACE, ledger)
    search.next_assignment()
    optuna.delete_study(study_name=study.study_name, storage=ledger.url)
    writes = {
        "propose": search.next_assignment,
        "report": lambda: search.report(0, 1, measured(POINT, 1), None),
        "fail": lambda: search.fail(0, "lost"),
    }
    with raises_about(TakenOverError, (SEARCH, None)):
        writes[write]()  # type: ignore[no-untyped-call]
    assert ledger.taken_over is not None


def test_a_study_that_the_dashboard_renamed_is_brought_back(finished: SqlLedger, runs_dir: Path) -> None:
    before = on_record(finished)
    folder = SearchFolder(runs_dir / SEARCH)
    source = optuna.load_study(study_name=SEARCH, storage=finished.url)
    renamed = optuna.create_study(storage=finished.url, study_name="renamed", directions=source.directions)
    renamed.add_trials(source.get_trials(deepcopy=False))
    for key, value in source.user_attrs.items():
        renamed.set_user_attr(key, value)
    optuna.delete_study(study_name=SEARCH, storage=finished.url)
    with raises_about(UsageError, (SEARCH, "renamed")):
        folder.ledger()
    assert adopt_name(folder, None) == "renamed"
    with folder.ledger() as ledger:
        assert on_record(ledger) == before


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
    assert ledger.load_with_foreign() == (search.trials, {0: state.name.lower()})


def test_an_asked_trial_is_foreign(ledger: SqlLedger, study: optuna.Study) -> None:
    study.ask()
    assert ledger.load_with_foreign() == ([], {0: "running"})


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


@pytest.mark.parametrize("state", ["FAIL", "PRUNED", "COMPLETE", "RUNNING"])
def test_the_search_s_own_end_of_a_trial_holds(ledger: SqlLedger, state: str) -> None:
    """Optuna reads the state of a trial and writes it later: its `tell` can come in the moment of the trial's end."""
    drive(Search(SPACE, ledger))
    before = ledger.load()
    assert {trial.outcome for trial in before} == {Outcome.COMPLETED, Outcome.STOPPED}
    engine = sa.create_engine(ledger.url)
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE trials SET state = :state, datetime_complete = NULL"), {"state": state})
    engine.dispose()
    assert ledger.load() == before
    assert Search(SPACE, ledger).trials == before


def test_every_command_works_beside_trials_of_others(
    tuner: Tuner, finished: SqlLedger, runs_dir: Path, tmp_path: Path
) -> None:
    study = optuna.load_study(study_name=SEARCH, storage=default_ledger_url(runs_dir / SEARCH))
    before = tuner("front", SEARCH, "--format", "json").out
    study.enqueue_trial(POINT)
    study.enqueue_trial({"alpha": "[/]"})
    added(study, TrialState.WAITING)
    added(study, TrialState.COMPLETE)
    study.set_user_attr("dashboard:note", "mine")
    assert tuner("front", SEARCH, "--format", "json").out == before
    shown = tuner("show", SEARCH)
    assert shown.code == 0
    states = "5 (waits for its turn); 6 (refused: alpha is '[/]', but must be a number"
    assert f"Trials that other programs added (not part of this search): {states}" in " ".join(shown.out.split())
    foreign = json.loads(tuner("show", SEARCH, "--format", "json").out)["foreign"]
    assert [(row["trial"], row["state"], row["fault"] is None) for row in foreign] == [
        (5, "waiting", True),
        (6, "waiting", False),
        (7, "waiting", True),
        (8, "complete", True),
    ]
    for words in (("list",), ("sync", SEARCH, "--tracking-uri", f"sqlite:///{tmp_path}/mlflow.db")):
        assert tuner(*words).code == 0
    assert tuner("run", "--resume", SEARCH, "--trials", "30", "--dry-run").code == 0
    assert len(finished.load()) < len(study.trials)
