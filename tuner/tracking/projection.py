"""Writes a search into MLflow: one parent run, and one child run for each trial; all are looked up by tag first."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from mlflow import MlflowClient
from mlflow.entities import Metric, Param, Run, RunTag
from mlflow.exceptions import MlflowException

from training.explained_error import ExplainedError
from tuner.confirm.presentation import presentation_of
from tuner.database_url import require_written
from tuner.errors import first_line
from tuner.ledger import Ledger, Outcome, TrialRecord, trial_name
from tuner.report.analysis.front_data import FrontData
from tuner.report.analysis.front_points import CompletedTrial
from tuner.report.commands import lasting_flag
from tuner.runs.folder import SearchFolder
from tuner.search.forecast.rung_quality import RungQuality
from tuner.space import Space
from tuner.tracking import layout
from tuner.tracking.experiment import open_experiment, remove_view, write_view
from tuner.tracking.known_runs import Child, known, one_each
from tuner.tracking.notes import RunPage, search_note, trial_note
from tuner.tracking.saved_view import view_key
from tuner.tracking.store import artifact_folder, view_link

# MLflow's limits for one call. There are never enough parameters or tags to reach theirs.
_METRICS_A_BATCH = 1000
_PAGE = 1000
# Client errors that a later attempt can cure: a run was deleted (and is made again), a timeout, too many requests.
_PASSING = {404, 408, 429}


class RefusedError(ExplainedError):
    """MLflow answers, but refuses the trials with these numbers; everything else was written."""


@dataclass(eq=False)
class Projection:
    """One search in MLflow. All methods may raise MlflowException; calling them again continues the work."""

    tracking_uri: str
    space: Space
    search: str
    search_id: str
    artifacts: str | None
    connect: Callable[[str], MlflowClient] = MlflowClient
    provenance: layout.Provenance = field(default_factory=layout.Provenance)
    experiment_id: str | None = field(default=None, init=False)  # until MLflow has been reached
    _parent_id: str | None = field(default=None, init=False)
    _children: dict[int, Child] = field(default_factory=dict, init=False)
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
            if presentation.has_front:
                points = (*front.candidates, *front.repeats)
                self._write_pareto([point for point in points if point.number not in refused])
                self._log(parent_id, metrics=layout.growth_metrics(front.history, after=self._history_logged))
                self._history_logged = len(front.history)
            shown = [point.number for point in front.front if point.number in self._children]
            pages = {number: self._page(self._children[number].run_id).link for number in shown}
            table = presentation.markdown(front, pages)
            page, has_front = self._page(parent_id), presentation.has_front
            description = search_note(self._view_key, table, front, page, has_front=has_front)
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

    @property
    def view_link(self) -> str | None:
        """The address of the search's trials on an MLflow server; None before MLflow is reached, or for a database."""
        return view_link(self.tracking_uri, self.experiment_id, self._view_key) if self.experiment_id else None

    @property
    def _view_key(self) -> str:
        return view_key(self.search, self.search_id)

    @cached_property
    def _client(self) -> MlflowClient:
        """The connection, made at its first use: a new database takes seconds, and a missing one raises."""
        return self.connect(self.tracking_uri)

    def _find_or_create(self) -> str:
        """Look up the runs of the search, make its parent run if there is none, and return the id of that."""
        experiment = open_experiment(self._client, self.space.name, self.artifacts)
        experiment_id = str(experiment.experiment_id)
        runs = list(self._runs(experiment_id))
        parents = [run for run in runs if layout.TRIAL not in run.data.tags]
        parent = parents[0] if parents else None
        parent_id = str(parent.info.run_id) if parent else self._create_parent(experiment_id)
        if parent is None or not parent.data.params:
            self._describe(parent_id, layout.search_parameters(self.space))
        children, doubled = one_each(run for run in runs if layout.TRIAL in run.data.tags)
        for run in (*parents[1:], *doubled):  # somebody restored a deleted run that was written again meanwhile
            self._client.delete_run(run.info.run_id)
        self._children = {number: known(run) for number, run in children.items()}
        for number, run in children.items():
            self._set_tag(run, layout.PARENT, parent_id)  # an earlier parent was deleted
            renamed = run.data.tags.get(layout.SEARCH_NAME) != self.search  # the folder of the search
            if renamed and self._children[number].ended:
                self._children[number].ended = False  # its description names the search: write the end again
            elif renamed:
                self._set_tag(run, layout.SEARCH_NAME, self.search)
        self._client.update_run(parent_id, status="RUNNING")
        former = parent.data.tags.get(layout.SEARCH_NAME) if parent is not None else None
        write_view(self._client, experiment, self.space, self.search_id, self._view_key)
        if former is not None and former != self.search:
            remove_view(self._client, experiment, view_key(former, self.search_id))
        if parent is not None and former != self.search:
            self._client.update_run(parent_id, name=self.search)
            self._set_tag(parent, layout.SEARCH_NAME, self.search)
        require_written(self.tracking_uri)
        self.experiment_id, self._parent_id = experiment_id, parent_id
        return parent_id

    def _set_tag(self, run: Run, key: str, value: str) -> None:
        if run.data.tags.get(key) != value:
            self._client.set_tag(run.info.run_id, key, value)

    def _page(self, run_id: str) -> RunPage:
        return RunPage(str(self.experiment_id), run_id)

    def _describe(self, run_id: str, settings: list[Param]) -> None:
        """Write the data and the parameters of a new run; the parameters, which say that it is done, come last."""
        data = layout.dataset_input(self.space, settings, self.provenance.split_digest)
        if data is not None:
            self._client.log_inputs(run_id, [data])
        self._log(run_id, params=settings)

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
        tags = {
            layout.SEARCH_ID: self.search_id,
            layout.SEARCH_NAME: self.search,
            **layout.source_tags(self.space, self.provenance.commit),
        }
        if (confirms := presentation_of(self.space).confirms) is None:
            tags[layout.PARETO] = layout.OF_SEARCH
        else:
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
            self._describe(child.run_id, layout.trial_parameters(self.space, trial))
            child.described = True
        metrics = layout.epoch_metrics(trial, after=child.epochs_logged)
        tags = []
        ended = trial.outcome is not Outcome.RUNNING and not child.ended
        if ended:
            metrics += layout.final_metrics(trial, self.space.criteria)
            page, runs_flag = self._page(child.run_id), self.provenance.runs_flag
            note = trial_note(self.space, self.search, trial, runs_flag, page)
            named = {layout.NOTE: note, layout.SEARCH_NAME: self.search}
            tags = [*layout.end_tags(trial), *(RunTag(*tag) for tag in named.items())]
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

    def _create_child(self, trial: TrialRecord) -> Child:
        tags = {
            layout.SEARCH_ID: self.search_id,
            layout.SEARCH_NAME: self.search,
            layout.TRIAL: str(trial.number),
            layout.PARENT: self._parent_id,
            **layout.source_tags(self.space, self.provenance.commit),
        }
        name, start = trial_name(trial.number), round(trial.started * 1000)
        run = self._client.create_run(str(self.experiment_id), start, tags, name)
        self._children[trial.number] = Child(run.info.run_id)
        return self._children[trial.number]

    def _write_pareto(self, points: Sequence[CompletedTrial]) -> None:
        of_trial: dict[int, list[CompletedTrial]] = {}
        for point in points:
            of_trial.setdefault(point.number, []).append(point)
        for number, own in of_trial.items():
            child = self._children[number]
            tags = layout.pareto_tags(own)
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


def projection_of(folder: SearchFolder, space: Space, ledger: Ledger, tracking_uri: str) -> Projection:
    """Return the projection of a search into the MLflow at `tracking_uri`."""
    facts, runs_dir = ledger.facts(), folder.path.parent
    provenance = layout.Provenance(
        split_digest=str(facts.get("split_digest", "")),
        commit=folder.frozen().get("commit"),
        runs_flag=lasting_flag(runs_dir),
    )
    return Projection(
        tracking_uri,
        space,
        folder.name,
        facts["search_id"],
        artifact_folder(tracking_uri, runs_dir),
        provenance=provenance,
    )
