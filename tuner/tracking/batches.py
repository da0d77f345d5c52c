"""Single runs of MLflow: written in few calls, and found by their search."""

from collections.abc import Iterator, Sequence

from mlflow import MlflowClient
from mlflow.entities import DatasetInput, Metric, Param, Run, RunTag

from tuner.tracking import layout

# MLflow's limits for one call. There are never enough parameters or tags to reach theirs.
_METRICS_A_BATCH = 1000
_PAGE = 1000


def log(
    client: MlflowClient,
    run_id: str,
    metrics: Sequence[Metric] = (),
    params: Sequence[Param] = (),
    tags: Sequence[RunTag] = (),
) -> None:
    """Write in as few calls as MLflow's limit allows. The last call has the tags, which say what is complete.

    Within one call MLflow writes parameters, metrics and tags in this order.
    """
    rest = len(metrics) % _METRICS_A_BATCH
    for start in range(0, len(metrics) - rest, _METRICS_A_BATCH):
        client.log_batch(run_id, metrics=metrics[start : start + _METRICS_A_BATCH])
    last = metrics[len(metrics) - rest :]
    if last or params or tags:
        client.log_batch(run_id, metrics=last, params=params, tags=tags)


def describe(client: MlflowClient, run_id: str, data: DatasetInput | None, settings: Sequence[Param]) -> None:
    """Write the data and the parameters of a new run; the parameters, which say that it is done, come last."""
    if data is not None:
        client.log_inputs(run_id, [data])
    log(client, run_id, params=settings)


def set_tag(client: MlflowClient, run: Run, key: str, value: str) -> None:
    """Set a tag of a run, unless it has this value already."""
    if run.data.tags.get(key) != value:
        client.set_tag(run.info.run_id, key, value)


def runs_of(client: MlflowClient, experiment_id: str, search_id: str) -> Iterator[Run]:
    """Yield all runs of a search, the oldest first."""
    query, order, token = f"tags.`{layout.SEARCH_ID}` = '{search_id}'", ["attributes.start_time ASC"], None
    while True:
        page = client.search_runs([experiment_id], query, max_results=_PAGE, order_by=order, page_token=token)
        yield from page
        token = page.token
        if not token:
            return
