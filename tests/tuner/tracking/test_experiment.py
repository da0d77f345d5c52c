"""The experiment of a space: the views of its searches and its description."""

import re
from pathlib import Path

import pytest
from mlflow_store import Store, ended_search, new_store, write
from simulated_confirmation import TRIALS, confirmation
from simulated_search import MakeLedger

from tuner.tracking.experiment import delete_runs, experiment_note, open_experiment, remove_view, write_view
from tuner.tracking.layout import NOTE
from tuner.tracking.notes import RunPage, trial_note
from tuner.tracking.saved_view import view_key, view_keys, view_tag, view_value


@pytest.fixture
def store(mlflow_uri: str, tmp_path: Path) -> Store:
    return new_store(mlflow_uri, tmp_path)


def tags_after(store: Store, search: str, search_id: str) -> dict[str, str]:
    """Write a view and return the tags of the experiment."""
    experiment = open_experiment(store.client, store.space.name, None)
    write_view(store.client, experiment, store.space, search_id, view_key(search, search_id))
    return dict(open_experiment(store.client, store.space.name, None).tags)


def test_each_search_has_a_view_and_a_link_to_it(store: Store) -> None:
    tags_after(store, "small-1", "small-1-0a")
    tags = tags_after(store, "small-2", "small-2-0b")
    for identifier in ("small-1-0a", "small-2-0b"):
        assert tags[view_tag(identifier)] == view_value(store.space, identifier)
    assert tags[NOTE].index("viewStateShareKey=small-2-0b") < tags[NOTE].index("viewStateShareKey=small-1-0a")


def test_searches_of_one_name_from_two_folders_have_a_view_each(store: Store) -> None:
    tags_after(store, "small-1", "small-1-0a")
    tags = tags_after(store, "small-1", "small-1-0b")
    assert tags[view_tag("small-1-0a")] != tags[view_tag("small-1-0b")]
    assert {"viewStateShareKey=small-1-0a", "viewStateShareKey=small-1-0b"} <= set(re.split(r"[&)]", tags[NOTE]))


def test_two_drivers_that_start_at_once_are_both_linked(store: Store) -> None:
    experiment = open_experiment(store.client, store.space.name, None)
    for key in ("small-1-0a", "small-2-0b"):
        write_view(store.client, experiment, store.space, key, key)
    note = open_experiment(store.client, store.space.name, None).tags[NOTE]
    assert "viewStateShareKey=small-1-0a" in note
    assert "viewStateShareKey=small-2-0b" in note


def test_a_removed_view_leaves_the_others(store: Store) -> None:
    tags_after(store, "small-1", "small-1-0a")
    tags_after(store, "small-2", "small-2-0b")
    remove_view(store.client, open_experiment(store.client, store.space.name, None), "small-1-0a")
    tags = open_experiment(store.client, store.space.name, None).tags
    assert view_tag("small-1-0a") not in tags
    assert view_tag("small-2-0b") in tags
    assert "small-1" not in tags[NOTE]


def test_a_description_that_somebody_wrote_stays(store: Store) -> None:
    experiment = open_experiment(store.client, store.space.name, None)
    store.client.set_experiment_tag(experiment.experiment_id, NOTE, "My own words.")
    assert tags_after(store, "small-1", "small-1-0a")[NOTE] == "My own words."


def test_links_are_ordered_by_number_and_bounded() -> None:
    note = experiment_note("7", [f"digits-{number}-0a{number}" for number in range(1, 200)])
    assert note.count("](#/experiments/7/runs?") == 50
    assert note.index("[digits-199]") < note.index("[digits-198]")
    assert "[digits-9]" not in note


def test_the_description_of_a_trial_that_ended_has_its_commands(store: Store, make_ledger: MakeLedger) -> None:
    trials = ended_search(make_ledger, store).load()
    write(store, store.projection(), trials)
    _, children = store.runs()
    for trial in trials:
        note = children[trial.number].data.tags[NOTE]
        assert f"tuner show small-1 --trial {trial.number}" in note
        assert (f"tuner export small-1 {trial.number} " in note) == (trial.outcome in {"completed", "stopped"})
        assert (f"tuner register small-1 {trial.number}" in note) == (trial.outcome == "completed")
        checkpoint = trial.last_checkpoint
        assert checkpoint is None or checkpoint in note
    inputs = [run.inputs for run in children.values() if run.inputs is not None]
    assert [found.dataset_inputs[0].dataset.name for found in inputs] == ["digits"] * len(trials)


def test_the_description_of_a_confirmed_trial_offers_only_what_works() -> None:
    note = trial_note(confirmation(), "small-1-confirm", TRIALS[0], "", RunPage("1", "abc"))
    assert "tuner show small-1-confirm" in note
    assert "tuner confirm" not in note
    assert "tuner export" not in note, "it has no checkpoint"


def test_a_deleted_search_leaves_no_view(store: Store, make_ledger: MakeLedger) -> None:
    write(store, store.projection(), ended_search(make_ledger, store).load())
    tags_after(store, "small-2", "small-2-0b")
    assert delete_runs(store.uri, store.space.name, f"{store.space.name}-id") == 7
    tags = open_experiment(store.client, store.space.name, None).tags
    assert view_keys(tags) == ["small-2-0b"]
    assert "small-1" not in tags[NOTE]
