"""A search in a real MLflow store: what its runs show, and that every write completes the ones before it."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import pytest
from mlflow.entities import Run
from mlflow_store import Store, ended_search, new_store, write, written_at_once
from simulated_search import MakeLedger, drive

from tuner.ledger import Outcome, SqlLedger, TrialRecord
from tuner.report.analysis.front_data import FrontData
from tuner.report.analysis.text_tables import summary
from tuner.report.front_files import front_csv, front_json
from tuner.search import Search
from tuner.tracking.projection import Projection


@pytest.fixture
def store(mlflow_uri: str, tmp_path: Path) -> Store:
    return new_store(mlflow_uri, tmp_path)


@pytest.fixture
def ledger(make_ledger: MakeLedger, store: Store) -> SqlLedger:
    return ended_search(make_ledger, store)


def test_a_finished_search_in_mlflow(store: Store, ledger: SqlLedger) -> None:
    trials = ledger.load()
    projection = store.projection()
    front = write(store, projection, trials)
    projection.close("FINISHED")
    parent, children = store.runs()
    assert parent.info.experiment_id == projection.experiment_id
    assert (parent.info.run_name, parent.info.status) == ("small-1", "FINISHED")
    assert parent.data.params["parameters.bottleneck"] == "type=categorical choices=[8, 16, 32]"
    assert front.front
    assert "| Trial |" in parent.data.tags["mlflow.note.content"]
    assert [(step, value) for step, value, _ in store.history(parent)["hypervolume"]] == [
        (step, entry.hypervolume) for step, entry in enumerate(front.history, start=1)
    ]
    assert parent.data.metrics["front_size"] == len(front.front)
    assert list(children) == sorted(children, reverse=True) == [5, 4, 3, 2, 1, 0]
    for trial in trials:
        _assert_child(store, children[trial.number], trial, front)


def test_mlflow_shows_the_numbers_of_the_files(store: Store, ledger: SqlLedger) -> None:
    """That page, terminal and files agree among themselves, test_agreement.py shows."""
    front = write(store, store.projection(), ledger.load())
    parent, _ = store.runs()
    on_front = store.client.search_runs(
        [parent.info.experiment_id], "tags.tuner.search = 'small-1' and tags.pareto = 'front'"
    )
    names = [objective.name for objective in store.space.objective_list]
    rows = {row["trial"]: [float(row[name]) for name in names] for row in csv.DictReader(front_csv(front).splitlines())}
    assert rows
    assert rows == {r.data.tags["tuner.trial"]: [r.data.metrics[f"final/{name}"] for name in names] for r in on_front}
    assert summary(front) in parent.data.tags["mlflow.note.content"]
    assert parent.data.metrics["hypervolume"] == json.loads(front_json(front))["hypervolume"]
    for place, name in enumerate(names):
        assert parent.data.metrics[f"best_{name}"] == max(values[place] for values in rows.values())


def _assert_child(store: Store, run: Run, trial: TrialRecord, front: FrontData) -> None:
    assert run.info.run_name == f"trial-{trial.number:04d}"
    assert run.info.status == {"completed": "FINISHED", "stopped": "FINISHED", "failed": "FAILED"}[trial.outcome]
    assert trial.ended is not None
    assert (run.info.start_time, run.info.end_time) == (round(trial.started * 1000), round(trial.ended * 1000))
    assert run.data.params.items() >= {key: str(value) for key, value in trial.parameters.items()}.items()
    assert run.data.params["dataset"] == "digits"
    assert run.data.tags["outcome"] == trial.outcome
    assert run.data.tags["checkpoint"] == trial.reports[-1].checkpoint
    history = store.history(run)
    assert [(step, value) for step, value, _ in history["natural_accuracy"]] == [
        (report.epoch, report.metrics["natural_accuracy"]) for report in trial.reports
    ]
    assert [value for _, value, _ in history["epochs_trained"]] == [trial.epochs_trained]
    point = next((point for point in front.points if point.number == trial.number), None)
    assert run.data.tags.get("pareto") == (point and ("front" if point.on_front else "dominated"))
    assert run.data.tags.get("pareto_rank") == (point and str(point.pareto_rank))
    for name in store.space.objectives:
        final = [value for _, value, _ in history.get(f"final/{name}", [])]
        assert final == ([trial.last_metrics[name]] if trial.outcome is Outcome.COMPLETED else [])


def test_the_description_follows_the_search_with_table_and_picture(store: Store, ledger: SqlLedger) -> None:
    trials = ledger.load()
    projection = store.projection()
    first_completed = next(trial.number for trial in trials if trial.outcome is Outcome.COMPLETED)
    notes = []
    for seen in (first_completed, first_completed + 1, len(trials)):
        front = write(store, projection, trials[:seen])
        parent, children = store.runs()
        note = parent.data.tags["mlflow.note.content"]
        notes.append(note)
        place = f"#/experiments/{parent.info.experiment_id}/runs"
        picture = f"(get-artifact?path=front.svg&run_uuid={parent.info.run_id}&points={len(front.points)})"
        assert (picture in note) == bool(front.points)
        for point in front.front:
            run_id = children[point.number].info.run_id
            assert f"| [{point.number}]({place}/{run_id}?workflowType=machine_learning) |" in note
    assert len(set(notes)) == 3
    assert max(map(len, notes)) < 8000


def test_growing_by_bits_is_the_same_as_writing_at_the_end(store: Store, ledger: SqlLedger) -> None:
    trials = ledger.load()
    projection = store.projection()
    for seen in range(1, len(trials) + 1):
        *before, latest = trials[:seen]
        ended_before = [trial for trial in before if trial.outcome is not Outcome.RUNNING]
        for epochs in range(len(latest.reports)):
            running = replace(latest, outcome=Outcome.RUNNING, ended=None, error=None, reports=latest.reports[:epochs])
            if epochs in {0, 1, 5}:
                write(store, projection, [*ended_before, running])
        write(store, projection, [*before, latest])
    assert store.whole() == written_at_once(store, trials)


def test_writing_again_adds_nothing(store: Store, ledger: SqlLedger) -> None:
    trials = ledger.load()
    first = store.projection()
    write(store, first, trials)
    before = store.whole()
    write(store, first, trials)
    assert store.whole() == before
    write(store, store.projection(), trials)
    assert store.whole() == before


def test_a_rebuilt_search_adds_nothing_to_what_the_first_driver_wrote(store: Store, make_ledger: MakeLedger) -> None:
    """The first driver writes what it holds in memory, the second what it read from the ledger."""
    ledger = make_ledger(store.space)
    search = Search(store.space, ledger)
    drive(search)
    write(store, store.projection(), search.trials)
    before = store.whole()
    write(store, store.projection(), Search(store.space, ledger).trials)
    assert store.whole() == before


def test_a_resumed_search_runs_again_and_goes_on_in_the_same_runs(store: Store, ledger: SqlLedger) -> None:
    trials = ledger.load()
    interrupted = store.projection()
    running = replace(trials[-1], outcome=Outcome.RUNNING, ended=None, reports=trials[-1].reports[:1])
    write(store, interrupted, [*trials[:-1], running])
    interrupted.close("KILLED")
    parent, children = store.runs()
    assert (parent.info.status, children[5].info.status) == ("KILLED", "SCHEDULED")
    resumed = store.projection()
    write(store, resumed, [*trials[:-1], running])
    assert store.runs()[1][5].info.status == "SCHEDULED", "until its next epoch"
    again = replace(running, reports=trials[-1].reports[:2])
    write(store, resumed, [*trials[:-1], again])
    assert store.runs()[1][5].info.status == "RUNNING"
    write(store, resumed, trials)
    parent, children = store.runs()
    assert parent.info.status == "RUNNING"
    assert len(store.history(children[5])["natural_accuracy"]) == len(trials[-1].reports)


def test_more_metrics_than_fit_into_a_batch_are_written(store: Store, ledger: SqlLedger) -> None:
    trial = ledger.load()[1]
    many = {f"m{index}": float(index) for index in range(600)}
    reports = tuple(replace(trial.reports[0], epoch=epoch, metrics=many) for epoch in (1, 2))
    write(store, store.projection(), [replace(trial, outcome=Outcome.RUNNING, ended=None, reports=reports)])
    child = store.runs()[1][1]
    assert len(child.data.metrics) == 600
    last = store.client.get_metric_history(child.info.run_id, "m599")
    assert [(metric.step, metric.value) for metric in last] == [(1, 599.0), (2, 599.0)]


def test_two_searches_of_a_space_share_the_experiment_and_nothing_else(store: Store, ledger: SqlLedger) -> None:
    trials = ledger.load()
    write(store, store.projection(), trials)
    other = Projection(store.uri, store.space, "small-2", "another-id", store.artifacts.as_uri())
    write(store, other, trials)
    runs = store.client.search_runs([str(other.experiment_id)])
    by_search = {name: [r for r in runs if r.data.tags["tuner.search"] == name] for name in ("small-1", "small-2")}
    assert [len(found) for found in by_search.values()] == [7, 7]


def test_files_lie_beside_the_parent_run_and_are_replaced(store: Store, ledger: SqlLedger, tmp_path: Path) -> None:
    projection = store.projection()
    projection.write_files([tmp_path / "before any write.txt"])
    write(store, projection, ledger.load())
    file = tmp_path / "front.csv"
    for text in ("first", "second"):
        file.write_text(text)
        projection.write_files([file])
    parent = store.runs()[0]
    assert [item.path for item in store.client.list_artifacts(parent.info.run_id)] == ["front.csv"]
    assert Path(store.client.download_artifacts(parent.info.run_id, "front.csv")).read_text() == "second"


def test_the_parent_run_has_the_times_of_the_search(store: Store, ledger: SqlLedger) -> None:
    trials = ledger.load()
    projection = store.projection()
    write(store, projection, trials)
    projection.close("FINISHED")
    info = store.runs()[0].info
    started, ended = min(trial.started for trial in trials), max(trial.ended or 0 for trial in trials)
    assert (info.start_time, info.end_time) == (round(1000 * started), round(1000 * ended))
