"""Writes a search into MLflow: one parent run, and one child run for each trial; all are looked up by tag first."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from mlflow import MlflowClient
from mlflow.entities import LifecycleStage, Metric, Param, Run, RunTag
from mlflow.exceptions import MlflowException

from training.explained_error import ExplainedError
from tuner.confirm.presentation import presentation_of
from tuner.database_url import require_written
from tuner.errors import first_line
from tuner.ledger import Ledger, Outcome, TrialRecord, trial_name
from tuner.report.analysis.front_data import CompletedTrial, FrontData
from tuner.runs.folder import SearchFolder
from tuner.search.forecast.rung_quality import RungQuality
from tuner.space import Space
from tuner.tracking import layout
from tuner.tracking.store import artifact_folder

# MLflow's limits for one call. There are never enough parameters or tags to reach theirs.
_METRICS_A_BATCH = 1000
_PAGE = 1000
# Client errors that a later attempt can cure: a run was deleted (and is made again), a timeout, too many requests.
_PASSING = {404, 408, 429}


class RefusedError(ExplainedError):
    """MLflow answers, but refuses the trials with these numbers; everything else was written."""


@dataclass
class _Child:
    """What MLflow holds of one trial, as far as this process knows."""

    run_id: str
    described: bool = False
    epochs_logged: int = 0
    ended: bool = False
    waiting: bool = False
    pareto: list[RunTag] = field(default_factory=list)


@dataclass(eq=False)
class Projection:
    """One search in MLflow. All methods may raise MlflowException; calling them again continues the work."""

    tracking_uri: str
    space: Space
    search: str
    search_id: str
    artifacts: str | None
    connect: Callable[[str], MlflowClient] = MlflowClient
    experiment_id: str | None = field(default=None, init=False)  # until MLflow has been reached
    _parent_id: str | None = field(default=None, init=False)
    _children: dict[int, _Child] = field(default_factory=dict, init=False)
    _history_logged: int = field(default=0, init=False)
    _described: str = field(default="", init=False)
    # Seconds since 1970: when the first trial started, and when the last one ended.
    _started: float | None = field(default=None, init=False)
    _ended: float | None = field(default=None, init=False)

    def write(self, trials: Sequence[TrialRecord], front: FrontData, rest: Callable[[], None] = lambda: None) -> None:
        """Bring MLflow up to date with these trials; call `rest` after each of them.

        Raise RefusedError, when all others are written, if MLflow refused some trials: somebody may have changed a run.
        """
        self._started = min((trial.started for trial in trials), default=None)
        self._ended = max((trial.ended for trial in trials if trial.ended is not None), default=None)
        try:
            parent_id = self._parent_id or self._find_or_create()
            refused = self._write_trials(trials, rest)
            presentation = presentation_of(self.space)
            description = presentation.markdown(front)
            if presentation.has_front:
                self._write_pareto([point for point in front.points if point.number not in refused])
                self._log(parent_id, metrics=layout.growth_metrics(front.history, after=self._history_logged))
                self._history_logged = len(front.history)
                description = layout.with_picture(description, front, parent_id)
            if description != self._described:
                self._log(parent_id, tags=[RunTag(layout.NOTE, description)])
                self._described = description
        except Exception:
            # MLflow may have made a run and its answer may be lost, so the next attempt looks up all runs again.
            self._parent_id = None
            raise
        if refused:
            self._parent_id = None
            raise RefusedError(_refusal(refused), tuple(refused))

    def write_files(self, files: Sequence[Path]) -> None:
        """Write files as artifacts of the parent run; replace those of the same name."""
        if self._parent_id is not None:
            for path in files:
                self._client.log_artifact(self._parent_id, str(path))

    def write_rungs(self, rungs: Sequence[RungQuality]) -> None:
        """Write how well each rung says the end as metrics of the parent run."""
        if self._parent_id is not None and rungs:
            self._log(self._parent_id, metrics=layout.rung_metrics(rungs, _milliseconds(self._ended)))

    def close(self, status: str) -> None:
        """End the parent run as FINISHED, FAILED or KILLED (interrupted, to be resumed).

        Trials that have not ended become SCHEDULED: they run when the search is resumed.
        """
        if self._parent_id is None:
            return
        for child in self._children.values():
            if not child.ended and not child.waiting:
                self._client.update_run(child.run_id, status="SCHEDULED")
                child.waiting = True
        self._client.set_terminated(self._parent_id, status, _milliseconds(self._ended))

    @cached_property
    def _client(self) -> MlflowClient:
        """The connection, made at its first use: a new database takes seconds, and a missing one raises."""
        return self.connect(self.tracking_uri)

    def _find_or_create(self) -> str:
        """Look up the runs of the search, make its parent run if there is none, and return the id of that."""
        experiment_id = self._experiment()
        runs = list(self._runs(experiment_id))
        parents = [run for run in runs if layout.TRIAL not in run.data.tags]
        parent = parents[0] if parents else None
        parent_id = str(parent.info.run_id) if parent else self._create_parent(experiment_id)
        if parent is None or not parent.data.params:
            self._log(parent_id, params=layout.search_parameters(self.space))
        children, doubled = _one_each(run for run in runs if layout.TRIAL in run.data.tags)
        for run in (*parents[1:], *doubled):  # somebody restored a deleted run that was written again meanwhile
            self._client.delete_run(run.info.run_id)
        self._children = {number: _known(run) for number, run in children.items()}
        for run in children.values():
            self._set_tag(run, layout.PARENT, parent_id)  # an earlier parent was deleted
            self._set_tag(run, layout.SEARCH_NAME, self.search)  # the folder of the search was renamed
        self._client.update_run(parent_id, status="RUNNING")
        if parent is not None and parent.data.tags.get(layout.SEARCH_NAME) != self.search:
            self._client.update_run(parent_id, name=self.search)
            self._set_tag(parent, layout.SEARCH_NAME, self.search)
        require_written(self.tracking_uri)
        self.experiment_id, self._parent_id = experiment_id, parent_id
        return parent_id

    def _set_tag(self, run: Run, key: str, value: str) -> None:
        if run.data.tags.get(key) != value:
            self._client.set_tag(run.info.run_id, key, value)

    def _experiment(self) -> str:
        """Return the id of the experiment with the space's name; restore it with its runs if somebody deleted it."""
        experiment = self._client.get_experiment_by_name(self.space.name)
        if experiment is None:
            # The tag makes MLflow 3 open its model-training pages, as the links that we print do.
            tags = {"mlflow.experimentKind": "custom_model_development"}
            return str(self._client.create_experiment(self.space.name, self.artifacts, tags))
        if experiment.lifecycle_stage == LifecycleStage.DELETED:
            self._client.restore_experiment(experiment.experiment_id)
        return str(experiment.experiment_id)

    def _runs(self, experiment_id: str) -> Iterator[Run]:
        """Yield all runs of the search, the oldest first."""
        query, order, token = f"tags.`{layout.SEARCH_ID}` = '{self.search_id}'", ["attributes.start_time ASC"], None
        while True:
            page = self._client.search_runs([experiment_id], query, max_results=_PAGE, order_by=order, page_token=token)
            yield from page
            token = page.token
            if not token:
                return

    def _create_parent(self, experiment_id: str) -> str:
        tags = {layout.SEARCH_ID: self.search_id, layout.SEARCH_NAME: self.search}
        if (confirms := presentation_of(self.space).confirms) is not None:
            tags[layout.CONFIRMS] = confirms
        self._history_logged, self._described = 0, ""
        start = _milliseconds(self._started)
        return str(self._client.create_run(experiment_id, start, tags, self.search).info.run_id)

    def _write_trials(self, trials: Sequence[TrialRecord], rest: Callable[[], None]) -> dict[int, MlflowException]:
        """Write each trial; return the errors of those that MLflow refused, which must not stop the others."""
        refused = {}
        for trial in trials:
            try:
                self._write_trial(trial)
            except MlflowException as error:
                status: int = error.get_http_status_code()  # type: ignore[no-untyped-call]
                if status in _PASSING or not 400 <= status < 500:
                    raise
                refused[trial.number] = error
            rest()
        return refused

    def _write_trial(self, trial: TrialRecord) -> None:
        child = self._children.get(trial.number) or self._create_child(trial)
        if not child.described:
            self._log(child.run_id, params=layout.trial_parameters(self.space, trial))
            child.described = True
        metrics = layout.epoch_metrics(trial, after=child.epochs_logged)
        tags = []
        ended = trial.outcome is not Outcome.RUNNING and not child.ended
        if ended:
            metrics += layout.final_metrics(trial, self.space.criteria)
            tags = layout.end_tags(trial)
        if metrics or tags:
            if child.waiting:
                self._client.update_run(child.run_id, status="RUNNING")
                child.waiting = False
            tags.append(RunTag(layout.EPOCHS_LOGGED, str(trial.epochs_trained)))
            self._log(child.run_id, metrics=metrics, tags=tags)
            child.epochs_logged = trial.epochs_trained
        status = layout.run_status(trial)
        if ended and status is not None:
            self._client.set_terminated(child.run_id, status, round((trial.ended or 0) * 1000))
            child.ended = True

    def _create_child(self, trial: TrialRecord) -> _Child:
        tags = {
            layout.SEARCH_ID: self.search_id,
            layout.SEARCH_NAME: self.search,
            layout.TRIAL: str(trial.number),
            layout.PARENT: self._parent_id,
        }
        name, start = trial_name(trial.number), round(trial.started * 1000)
        run = self._client.create_run(str(self.experiment_id), start, tags, name)
        self._children[trial.number] = _Child(run.info.run_id)
        return self._children[trial.number]

    def _write_pareto(self, points: Sequence[CompletedTrial]) -> None:
        for point in points:
            child = self._children[point.number]
            tags = layout.pareto_tags(point.on_front, point.pareto_rank)
            if tags != child.pareto:
                self._log(child.run_id, tags=tags)
                child.pareto = tags

    def _log(
        self, run_id: str, metrics: Sequence[Metric] = (), params: Sequence[Param] = (), tags: Sequence[RunTag] = ()
    ) -> None:
        """Write in as few calls as MLflow's limit allows. The last call has the tags, which say what is complete.

        Within one call MLflow writes parameters, metrics and tags in this order.
        """
        rest = len(metrics) % _METRICS_A_BATCH
        for start in range(0, len(metrics) - rest, _METRICS_A_BATCH):
            self._client.log_batch(run_id, metrics=metrics[start : start + _METRICS_A_BATCH])
        last = metrics[len(metrics) - rest :]
        if last or params or tags:
            self._client.log_batch(run_id, metrics=last, params=params, tags=tags)


def _refusal(refused: Mapping[int, MlflowException]) -> str:
    number, error = next(iter(refused.items()))
    others = f", and {len(refused) - 1} others" if len(refused) > 1 else ""
    return f"MLflow refuses trial {number}{others}: {first_line(error)}"


def _milliseconds(time: float | None) -> int | None:
    return None if time is None else round(time * 1000)


def _one_each(runs: Iterable[Run]) -> tuple[dict[int, Run], list[Run]]:
    """Return for each trial the run that holds most of it, and the runs that are left over."""
    kept: dict[int, Run] = {}
    doubled = []
    for run in runs:
        number = int(run.data.tags[layout.TRIAL])
        other = kept.setdefault(number, run)
        if other is not run:
            ahead = max(other, run, key=lambda one: (_known(one).ended, _known(one).epochs_logged))
            doubled.append(run if ahead is other else other)
            kept[number] = ahead
    return kept, doubled


def _known(run: Run) -> _Child:
    tags = run.data.tags
    return _Child(
        run_id=run.info.run_id,
        described=bool(run.data.params),
        epochs_logged=int(tags.get(layout.EPOCHS_LOGGED, 0)),
        ended=run.info.status in {"FINISHED", "KILLED", "FAILED"},
        waiting=run.info.status == "SCHEDULED",
        pareto=[RunTag(key, tags[key]) for key in ("pareto", "pareto_rank") if key in tags],
    )


def delete_runs(tracking_uri: str, experiment: str, search_id: str) -> int:
    """Delete all runs of a search in MLflow, and return how many there were; raise MlflowException if that fails."""
    client = MlflowClient(tracking_uri)
    found = client.get_experiment_by_name(experiment)
    if found is None or found.lifecycle_stage == LifecycleStage.DELETED:
        return 0
    query, deleted = f"tags.`{layout.SEARCH_ID}` = '{search_id}'", 0
    while runs := client.search_runs([found.experiment_id], query, max_results=_PAGE):
        for run in runs:
            client.delete_run(run.info.run_id)
        deleted += len(runs)
    return deleted


def projection_of(folder: SearchFolder, space: Space, ledger: Ledger, tracking_uri: str) -> Projection:
    """Return the projection of a search into the MLflow at `tracking_uri`."""
    artifacts = artifact_folder(tracking_uri, folder.path.parent)
    return Projection(tracking_uri, space, folder.name, ledger.facts()["search_id"], artifacts)
