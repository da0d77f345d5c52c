"""The experiment of a space in MLflow: found or made, with a saved view and a link for each of its searches."""

import re
from collections.abc import Iterable

from mlflow import MlflowClient
from mlflow.entities import Experiment, LifecycleStage

from tuner.space import Space
from tuner.tracking.layout import NOTE, SEARCH_ID, SEARCH_NAME
from tuner.tracking.saved_view import search_of_view, view_key, view_keys, view_tag, view_value
from tuner.tracking.store import view_query

# MLflow refuses more than 20,000 characters.
_MOST_LINKS = 50
_HEAD = "Searches: "


def open_experiment(client: MlflowClient, name: str, artifacts: str | None) -> Experiment:
    """Return the experiment of this name: made if it is missing, restored with its runs if somebody deleted it."""
    found = client.get_experiment_by_name(name)
    if found is None:
        # The tag makes MLflow 3 open its model-training pages, as the links that we print do.
        return client.get_experiment(
            client.create_experiment(name, artifacts, {"mlflow.experimentKind": "custom_model_development"})
        )
    if found.lifecycle_stage == LifecycleStage.DELETED:
        client.restore_experiment(found.experiment_id)
    return found


def write_view(client: MlflowClient, experiment: Experiment, space: Space, search_id: str, key: str) -> None:
    """Write the saved view of a search, and links to all views as the description of the experiment.

    A description that somebody wrote stays.
    """
    identifier = str(experiment.experiment_id)
    tags = client.get_experiment(identifier).tags  # another driver may have written its view since
    wanted = {view_tag(key): view_value(space, search_id)}
    if tags.get(NOTE, _HEAD).startswith(_HEAD):
        wanted[NOTE] = experiment_note(identifier, view_keys([*tags, *wanted]))
    for tag, value in wanted.items():
        if tags.get(tag) != value:
            client.set_experiment_tag(identifier, tag, value)


def delete_runs(tracking_uri: str, experiment: str, search_id: str) -> int:
    """Delete all runs of a search in MLflow with its view, and return how many there were.

    Raise MlflowException if that fails.
    """
    client = MlflowClient(tracking_uri)
    found = client.get_experiment_by_name(experiment)
    if found is None or found.lifecycle_stage == LifecycleStage.DELETED:
        return 0
    query, deleted = f"tags.`{SEARCH_ID}` = '{search_id}'", 0
    names: set[str] = set()  # runs that nobody has written since a rename have the old name
    while runs := client.search_runs([found.experiment_id], query, max_results=1000):
        for run in runs:
            client.delete_run(run.info.run_id)
            names.add(run.data.tags.get(SEARCH_NAME, ""))
        deleted += len(runs)
    for name in names:
        remove_view(client, found, view_key(name, search_id))
    return deleted


def remove_view(client: MlflowClient, experiment: Experiment, key: str) -> None:
    """Remove the view with this key, if there is one, and its link."""
    identifier = str(experiment.experiment_id)
    tags = client.get_experiment(identifier).tags
    if tags.pop(view_tag(key), None) is None:
        return
    client.delete_experiment_tag(identifier, view_tag(key))
    if tags.get(NOTE, "").startswith(_HEAD):
        client.set_experiment_tag(identifier, NOTE, experiment_note(identifier, view_keys(tags)))


def experiment_note(experiment_id: str, keys: Iterable[str]) -> str:
    """Return the description of an experiment: links to the views with these keys, the highest number first."""
    ordered = sorted(set(keys), key=_by_number, reverse=True)[:_MOST_LINKS]
    links = [f"[{search_of_view(key)}](#/experiments/{experiment_id}/runs?{view_query(key)})" for key in ordered]
    return _HEAD + " · ".join(links)


def _by_number(key: str) -> tuple[str, int]:
    name = search_of_view(key)
    number = re.search(r"\d+$", name)
    return (name[: number.start()], int(number.group())) if number else (name, -1)
