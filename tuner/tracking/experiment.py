"""The experiment of a space in MLflow: found or made, with a saved view and a link for each of its searches."""

import re

from mlflow import MlflowClient
from mlflow.entities import Experiment, LifecycleStage

from tuner.space import Space
from tuner.tracking.layout import NOTE, SEARCH_ID, SEARCH_NAME
from tuner.tracking.saved_view import searches_with_view, view_tag, view_value
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


def write_view(client: MlflowClient, experiment: Experiment, space: Space, search: str, former: str | None) -> None:
    """Write the saved view of a search, and links to all views as the description of the experiment.

    `former` is the name that the search had before; its view is removed. A description that somebody wrote stays.
    """
    identifier = str(experiment.experiment_id)
    tags = dict(client.get_experiment(identifier).tags)  # another driver may have written its view since
    if former is not None and former != search and view_tag(former) in tags:
        client.delete_experiment_tag(identifier, view_tag(former))
        del tags[view_tag(former)]
    wanted = {view_tag(search): view_value(space, search)}
    if tags.get(NOTE, _HEAD).startswith(_HEAD):
        wanted[NOTE] = experiment_note(identifier, searches_with_view([*tags, *wanted]))
    for key, value in wanted.items():
        if tags.get(key) != value:
            client.set_experiment_tag(identifier, key, value)


def delete_runs(tracking_uri: str, experiment: str, search_id: str) -> int:
    """Delete all runs of a search in MLflow with its view, and return how many there were.

    Raise MlflowException if that fails.
    """
    client = MlflowClient(tracking_uri)
    found = client.get_experiment_by_name(experiment)
    if found is None or found.lifecycle_stage == LifecycleStage.DELETED:
        return 0
    query, deleted = f"tags.`{SEARCH_ID}` = '{search_id}'", 0
    while runs := client.search_runs([found.experiment_id], query, max_results=1000):
        for run in runs:
            client.delete_run(run.info.run_id)
            _remove_view(client, found, run.data.tags.get(SEARCH_NAME, ""))
        deleted += len(runs)
    return deleted


def _remove_view(client: MlflowClient, experiment: Experiment, search: str) -> None:
    """Remove the view of a search, if there is one, and its link."""
    if experiment.tags.pop(view_tag(search), None) is None:
        return
    identifier = str(experiment.experiment_id)
    client.delete_experiment_tag(identifier, view_tag(search))
    if experiment.tags.get(NOTE, "").startswith(_HEAD):
        client.set_experiment_tag(identifier, NOTE, experiment_note(identifier, searches_with_view(experiment.tags)))


def experiment_note(experiment_id: str, searches: list[str]) -> str:
    """Return the description of an experiment: links to the views of its searches, the highest number first."""
    ordered = sorted(set(searches), key=_by_number, reverse=True)
    links = [f"[{name}](#/experiments/{experiment_id}/runs?{view_query(name)})" for name in ordered[:_MOST_LINKS]]
    return _HEAD + " · ".join(links)


def _by_number(name: str) -> tuple[str, int]:
    number = re.search(r"\d+$", name)
    return (name[: number.start()], int(number.group())) if number else (name, -1)
