"""The runs of one search in MLflow, once they are found: its parent run, and one child run for each trial."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mlflow import MlflowClient
from mlflow.entities import Metric, RunTag
from mlflow.exceptions import MlflowException

from tuner.ledger import Outcome, TrialRecord, trial_name
from tuner.report.analysis.front_points import CompletedTrial
from tuner.space import Space
from tuner.tracking import layout
from tuner.tracking.batches import describe, log
from tuner.tracking.known_runs import Child
from tuner.tracking.notes import RunPage, trial_note

# Client errors that a later attempt can cure: a run was deleted (and is made again), a timeout, too many requests.
_PASSING = {404, 408, 429}


@dataclass(frozen=True, eq=False)
class SearchRuns:
    """The parent run of a search, and what MLflow holds of each trial by number. All methods may raise MlflowException.

    `search` and `search_id` are the name and the id of the search.
    """

    client: MlflowClient
    experiment_id: str
    parent_id: str
    children: dict[int, Child]
    space: Space
    search: str
    search_id: str
    provenance: layout.Provenance

    @property
    def page(self) -> RunPage:
        """The page of the parent run."""
        return RunPage(self.experiment_id, self.parent_id)

    def page_of(self, number: int) -> RunPage:
        """Return the page of a trial that has been written."""
        return RunPage(self.experiment_id, self.children[number].run_id)

    def log(self, metrics: Sequence[Metric] = (), tags: Sequence[RunTag] = ()) -> None:
        """Write metrics and tags of the parent run."""
        log(self.client, self.parent_id, metrics, tags=tags)

    def write_trials(self, trials: Sequence[TrialRecord], rest: Callable[[], None]) -> dict[int, MlflowException]:
        """Write each trial, and call `rest` after it.

        Return the errors of those that MLflow refused, by number; they must not stop the others.
        """
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
        child = self.children.get(trial.number) or self._create_child(trial)
        if not child.described:
            settings = layout.trial_parameters(self.space, trial)
            data = layout.dataset_input(self.space, settings, self.provenance.split_digest)
            describe(self.client, child.run_id, data, settings)
            child.described = True
        metrics = layout.epoch_metrics(trial, after=child.epochs_logged)
        tags = []
        ended = trial.outcome is not Outcome.RUNNING and not child.ended
        if ended:
            metrics += layout.final_metrics(trial, self.space.criteria)
            page, runs_flag = RunPage(self.experiment_id, child.run_id), self.provenance.runs_flag
            note = trial_note(self.space, self.search, trial, runs_flag, page)
            named = {layout.NOTE: note, layout.SEARCH_NAME: self.search}
            tags = [*layout.end_tags(trial), *(RunTag(*tag) for tag in named.items())]
        if metrics or tags:
            if child.waiting:
                self.client.update_run(child.run_id, status="RUNNING")
                child.waiting = False
            tags.append(RunTag(layout.EPOCHS_LOGGED, str(trial.epochs_trained)))
            log(self.client, child.run_id, metrics, tags=tags)
            child.epochs_logged = trial.epochs_trained
        status = layout.run_status(trial)
        if ended and status is not None:
            self.client.set_terminated(child.run_id, status, round((trial.ended or 0) * 1000))
            child.ended = True

    def _create_child(self, trial: TrialRecord) -> Child:
        tags = {
            layout.SEARCH_ID: self.search_id,
            layout.SEARCH_NAME: self.search,
            layout.TRIAL: str(trial.number),
            layout.PARENT: self.parent_id,
            **layout.source_tags(self.space, self.provenance.commit),
        }
        name, start = trial_name(trial.number), round(trial.started * 1000)
        run = self.client.create_run(self.experiment_id, start, tags, name)
        self.children[trial.number] = Child(run.info.run_id)
        return self.children[trial.number]

    def write_pareto(self, points: Sequence[CompletedTrial]) -> None:
        """Write the ranks of completed trials, and which of them are on the front, where they have changed."""
        of_trial: dict[int, list[CompletedTrial]] = {}
        for point in points:
            of_trial.setdefault(point.number, []).append(point)
        for number, own in of_trial.items():
            child = self.children[number]
            tags = layout.pareto_tags(own)
            if tags != child.pareto:
                log(self.client, child.run_id, tags=tags)
                child.pareto = tags

    def end(self, status: str, ended: int | None) -> None:
        """End the parent run; trials that have not ended become SCHEDULED. `ended` is in milliseconds since 1970."""
        for child in self.children.values():
            if not child.ended and not child.waiting:
                self.client.update_run(child.run_id, status="SCHEDULED")
                child.waiting = True
        self.client.set_terminated(self.parent_id, status, ended)
