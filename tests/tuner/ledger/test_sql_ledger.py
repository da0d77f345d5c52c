"""The ledger as a durable record: what is written is read back, by this process, another one, and Optuna."""

import gc
import math
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from optuna.trial import TrialState
from raises_about import raises_about
from simulated_search import SEARCH, MakeLedger, drive, small_space

from tuner.errors import UsageError
from tuner.ledger import Decision, Outcome, Report, SqlLedger, TrialRecord, default_ledger_url, trial_name
from tuner.ledger.protocol import LedgerError
from tuner.redact import without_password
from tuner.search import Search

SPACE = small_space()
POINT = {"alpha": 0.1 + 0.2, "lambda": 0.5, "bottleneck": 16}
OBJECTIVES = SPACE.objective_list


def report(epoch: int = 1, **changes: Any) -> Report:
    whole = Report(
        epoch, {"natural_accuracy": 0.5}, rung=True, decision=Decision.CONTINUE, checkpoint="there", time=1.5
    )
    return replace(whole, **changes)


@pytest.fixture
def ledger(make_ledger: MakeLedger) -> SqlLedger:
    return make_ledger(SPACE)


def propose(ledger: SqlLedger) -> int:
    return ledger.propose(POINT, SPACE.distributions())


def test_a_new_ledger_holds_its_facts_and_no_trial(tmp_path: Path) -> None:
    url = default_ledger_url(tmp_path)
    assert url == f"sqlite:///{tmp_path}/ledger.db"
    created = SqlLedger.create(url, "mine", OBJECTIVES, {"search_id": "mine-1", "space": {"a": [1, 2.5, None]}})
    opened = SqlLedger.open(url, "mine")
    assert opened.facts() == created.facts()
    assert opened.facts()["space"] == {"a": [1, 2.5, None]}
    assert opened.load() == []
    opened.set_facts({"search_id": "other"})
    assert created.facts()["search_id"] == "other"
    created.close()
    opened.close()


def test_numbers_are_those_of_the_search_where_several_share_a_database(make_ledger: MakeLedger) -> None:
    first = make_ledger(SPACE)
    propose(first)
    second = SqlLedger.create(first.url, "second", OBJECTIVES, {})
    assert [propose(second), propose(second), propose(first)] == [0, 1, 1]
    second.record(0, report(7))
    assert [trial.epochs_trained for trial in second.load()] == [7, 0]
    assert [trial.epochs_trained for trial in first.load()] == [0, 0]
    second.close()


def test_a_proposal_is_read_back_exactly(ledger: SqlLedger) -> None:
    propose(ledger)
    (trial,) = ledger.load()
    assert trial.parameters == POINT
    assert list(map(type, trial.parameters.values())) == [float, float, int]
    assert (trial.outcome, trial.ended, trial.reports, trial.error) == (Outcome.RUNNING, None, (), None)


REPORTS = st.builds(
    report,
    st.integers(1, 99),
    metrics=st.dictionaries(st.sampled_from(["natural_accuracy", "pgd_accuracy", "loss/total"]), st.floats()),
    rung=st.booleans(),
    decision=st.sampled_from(Decision),
    checkpoint=st.none() | st.text(st.characters(codec="utf-8", exclude_characters="\0")),
    time=st.floats(0, 4e9),
)


@given(st.lists(REPORTS, max_size=5, unique_by=lambda r: r.epoch))
@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_reports_are_read_back_exactly_and_by_epoch(ledger: SqlLedger, written: list[Report]) -> None:
    number = propose(ledger)
    for one in written:
        ledger.record(number, one)
    read = ledger.load()[number].reports
    assert repr(read) == repr(tuple(sorted(written, key=lambda r: r.epoch))), "repr, since NaN is unequal to itself"


@pytest.mark.parametrize(
    ("outcome", "values", "state"),
    [
        (Outcome.COMPLETED, [0.5, 0.25], TrialState.COMPLETE),
        (Outcome.STOPPED, None, TrialState.PRUNED),
        (Outcome.FAILED, None, TrialState.FAIL),
    ],
)
def test_optuna_reads_how_a_trial_ended(
    ledger: SqlLedger, outcome: Outcome, values: list[float] | None, state: TrialState
) -> None:
    propose(ledger)
    ledger.finish(0, outcome, values)
    (trial,) = optuna.load_study(study_name=SEARCH, storage=ledger.url).trials
    assert (trial.state, trial.params, trial.values) == (state, POINT, values)


def test_times_are_the_same_in_every_time_zone(ledger: SqlLedger) -> None:
    """Also those of a trial that another client of Optuna wrote."""
    before = time.time()
    propose(ledger)
    ledger.finish(0, Outcome.STOPPED)
    study = optuna.load_study(study_name=SEARCH, storage=ledger.url)
    study.tell(study.ask(), state=TrialState.FAIL)
    times = [(trial.started, trial.ended or 0) for trial in ledger.load()]
    assert all(before <= started <= ended <= time.time() for started, ended in times)
    code = (
        "import sys; from tuner.ledger import SqlLedger\n"
        f"print([(trial.started, trial.ended) for trial in SqlLedger.open(sys.argv[1], {SEARCH!r}).load()])"
    )
    command = [sys.executable, "-c", code, ledger.url]
    elsewhere = {**os.environ, "TZ": "Pacific/Kiritimati"}
    output = subprocess.run(command, capture_output=True, text=True, check=True, env=elsewhere).stdout
    assert output.strip() == str(times)


def test_optuna_reads_the_same_trials_front_and_metric_names(make_ledger: MakeLedger) -> None:
    ledger = make_ledger(SPACE)
    drive(Search(SPACE, ledger))
    study = optuna.load_study(study_name=SEARCH, storage=ledger.url)
    for trial, frozen in zip(ledger.load(), study.trials, strict=True):
        completed = trial.outcome is Outcome.COMPLETED
        assert (frozen.number, frozen.params) == (trial.number, trial.parameters)
        assert frozen.state is (TrialState.COMPLETE if completed else TrialState.PRUNED)
        assert frozen.values == ([trial.last_metrics[o.name] for o in OBJECTIVES] if completed else None)
    assert study.metric_names == ["natural_accuracy", "pgd_accuracy"]
    assert [direction.name for direction in study.directions] == ["MAXIMIZE", "MAXIMIZE"]
    assert study.best_trials


def test_a_name_is_taken_once(ledger: SqlLedger) -> None:
    with raises_about(UsageError, SEARCH):
        SqlLedger.create(ledger.url, SEARCH, OBJECTIVES, {})


class InterruptedLedger(SqlLedger):
    """A ledger whose driver is interrupted while it writes the first facts."""

    def set_facts(self, facts: Mapping[str, Any]) -> None:
        raise KeyboardInterrupt(facts)


def test_a_record_that_cannot_be_begun_leaves_its_name_free(ledger: SqlLedger) -> None:
    with pytest.raises(KeyboardInterrupt):
        InterruptedLedger.create(ledger.url, "second", OBJECTIVES, {})
    with raises_about(UsageError, "second"):
        SqlLedger.open(ledger.url, "second")
    second = SqlLedger.create(ledger.url, "second", OBJECTIVES, {})
    second.delete()
    assert ledger.load() == [], "the other search is whole"


def test_an_unknown_search_and_a_missing_file_are_said_to_be(ledger: SqlLedger, tmp_path: Path) -> None:
    with raises_about(UsageError, "other"):
        SqlLedger.open(ledger.url, "other")
    with raises_about(UsageError, f"sqlite:///{tmp_path}/ledger.db"):
        SqlLedger.open(default_ledger_url(tmp_path), "other")
    assert list(tmp_path.glob("*.db")) == [], "looking makes no file"


def test_a_ledger_that_is_refused_keeps_no_file_open(ledger: SqlLedger) -> None:
    """Also before the collector of garbage comes, which is switched off here."""
    ledger.close()  # SQLite keeps a file open as long as another connection of the process has it
    gc.disable()
    try:
        with raises_about(UsageError, "other"):
            SqlLedger.open(ledger.url, "other")
        with raises_about(UsageError, SEARCH):
            SqlLedger.create(ledger.url, SEARCH, SPACE.objective_list, {})
        folder = Path(ledger.url.removeprefix("sqlite:///")).resolve().parent
        assert not [each for each in Path("/proc/self/fd").iterdir() if each.resolve().parent == folder]
    finally:
        gc.enable()


def test_another_schema_is_refused_with_both_versions(ledger: SqlLedger) -> None:
    ledger.set_facts({"schema_version": 99})
    with raises_about(UsageError, ("schema_version", 99)):
        SqlLedger.open(ledger.url, SEARCH)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:SECRET@127.0.0.1:1/db",
        "postgres://me:SECRET@host/db",
        "postgresql//me:SECRET@host/db",
        "postgresql://me:SEC@RET:SECRET@host:port/db",
        "nonsense://host/db?user=me&password=SECRET",
        "mysql://me:SECRET@host/db",
    ],
)
def test_a_password_never_reaches_a_message(url: str) -> None:
    with raises_about(UsageError, without_password(url)) as created:
        SqlLedger.create(url, "mine", OBJECTIVES, {})
    with raises_about(UsageError, without_password(url)) as opened:
        SqlLedger.open(url, "mine")
    assert "SECRET" not in without_password(url)
    for message in (str(created.value), str(opened.value)):
        assert any(way in message for way in ("--ledger", "pip install"))
        assert "SECRET" not in message


def test_what_is_no_database_is_refused_with_the_form(tmp_path: Path) -> None:
    with raises_about(UsageError, "nonsense") as caught:
        SqlLedger.create("nonsense", "mine", OBJECTIVES, {})
    assert "postgresql://" in str(caught.value)
    file = tmp_path / "ledger.db"
    file.write_text("This is no database, but long enough to have a header that says so. " * 20)
    with raises_about(LedgerError, (default_ledger_url(tmp_path), "not a database")) as caught:
        SqlLedger.open(default_ledger_url(tmp_path), "mine")
    assert ".recover" in str(caught.value)


def test_a_reader_sees_each_write_and_blocks_none(ledger: SqlLedger) -> None:
    """The reader keeps a transaction open, as a slow one would."""
    propose(ledger)
    reader = SqlLedger.open(ledger.url, SEARCH)
    with reader._engine.connect() as slow:
        slow.exec_driver_sql("BEGIN")
        slow.execute(sa.text("SELECT * FROM tuner_reports")).fetchall()
        for epoch in range(1, 4):
            ledger.record(0, report(epoch))
            assert len(reader.load()[0].reports) == epoch
        ledger.finish(0, Outcome.STOPPED)
    assert reader.load() == ledger.load()
    reader.close()


@pytest.mark.parametrize("statement", [1, 2, 3, 4])
def test_a_reader_sees_what_a_driver_writes_meanwhile_whole_or_not_at_all(ledger: SqlLedger, statement: int) -> None:
    """The driver acts right before one of the reader's statements: ends a trial, and proposes another one."""
    propose(ledger)
    reader = SqlLedger.open(ledger.url, SEARCH)
    seen = 0

    def act(*_: object) -> None:
        nonlocal seen
        seen += 1
        if seen == statement:
            ledger.record(0, report(1))
            ledger.finish(0, Outcome.STOPPED)
            propose(ledger)

    engines = (reader._engine, reader._reader._engine)
    for engine in engines:
        sa.event.listen(engine, "before_cursor_execute", act)
    trials = reader.load()
    for engine in engines:
        sa.event.remove(engine, "before_cursor_execute", act)
    assert seen >= statement
    assert [trial.parameters for trial in trials] == [POINT] * len(trials)
    if trials[0].outcome is Outcome.STOPPED:
        assert trials[0].ended is not None
        assert trials[0].epochs_trained == 1
    reader.close()


def test_what_was_written_survives_the_writer(make_ledger: MakeLedger) -> None:
    """The writing process ends without closing anything."""
    url = make_ledger(SPACE).url
    code = (
        "import os, sys\n"
        "from optuna.distributions import FloatDistribution\n"
        "from tuner.ledger import Decision, SqlLedger, Outcome, Report\n"
        f"ledger = SqlLedger.open(sys.argv[1], {SEARCH!r})\n"
        "for number in range(2):\n"
        "    ledger.propose({'x': 0.5}, {'x': FloatDistribution(0, 1)})\n"
        "ledger.record(0, Report(1, {'a': 1.0}, True, Decision.STOP, None, 2.0))\n"
        "ledger.finish(0, Outcome.STOPPED)\n"
        "os._exit(9)"
    )
    assert subprocess.run([sys.executable, "-c", code, url], check=False).returncode == 9
    reader = SqlLedger.open(url, SEARCH)
    first, second = reader.load()
    assert (first.outcome, first.epochs_trained) == (Outcome.STOPPED, 1)
    assert (second.outcome, second.parameters) == (Outcome.RUNNING, {"x": 0.5})
    reader.close()


def test_a_trial_knows_its_last_report() -> None:
    trial = TrialRecord(0, POINT, Outcome.RUNNING, started=0.0)
    assert (trial.epochs_trained, trial.last_metrics, trial.last_checkpoint) == (0, {}, None)
    last = report(4, metrics={"loss/total": math.inf}, checkpoint=None)
    trial = replace(trial, reports=(report(1, checkpoint="first"), report(2), last))
    assert (trial.epochs_trained, trial.last_metrics, trial.last_checkpoint) == (4, {"loss/total": math.inf}, "there")


def test_a_trial_is_named_by_four_digits() -> None:
    assert [trial_name(number) for number in (0, 17, 12345)] == ["trial-0000", "trial-0017", "trial-12345"]
