"""Writes a search into MLflow: one parent run, and one child run for each trial; all are looked up by tag first."""

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from mlflow import MlflowClient
from mlflow.entities import Run, RunTag
from mlflow.exceptions import MlflowException

from training.explained_error import ExplainedError
from tuner.confirm.presentation import presentation_of
from tuner.database_url import require_written
from tuner.errors import first_line
from tuner.ledger import Ledger, TrialRecord
from tuner.report.analysis.front_data import FrontData
from tuner.report.commands import lasting_flag
from tuner.runs.folder import SearchFolder
from tuner.search.forecast.rung_quality import RungQuality
from tuner.space import Space
from tuner.tracking import layout
from tuner.tracking.batches import describe, runs_of, set_tag
from tuner.tracking.experiment import open_experiment, remove_view, write_view
from tuner.tracking.known_runs import Child, known, one_each
from tuner.tracking.notes import search_note
from tuner.tracking.saved_view import view_key
from tuner.tracking.search_runs import SearchRuns
from tuner.tracking.store import artifact_folder, view_link


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
    _runs: SearchRuns | None = field(default=None, init=False)
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
            runs = self._runs or self._find_or_create()
            refused = runs.write_trials(trials, rest)
            self._write_front(runs, front, refused)
        except Exception:
            # MLflow may have made a run and its answer may be lost, so the next attempt looks up all runs again.
            self._runs = None
            raise
        if refused:
            self._runs = None
            raise RefusedError(_refusal(refused), tuple(refused))

    def _write_front(self, runs: SearchRuns, front: FrontData, refused: Container[int]) -> None:
        """Write the ranks of the trials, the growth of the hypervolume, and the description of the search."""
        presentation = presentation_of(self.space)
        if presentation.has_front:
            points = (*front.candidates, *front.repeats)
            runs.write_pareto([point for point in points if point.number not in refused])
            runs.log(layout.growth_metrics(front.history, after=self._history_logged))
            self._history_logged = len(front.history)
        shown = [point.number for point in front.front if point.number in runs.children]
        table = presentation.markdown(front, {number: runs.page_of(number).link for number in shown})
        description = search_note(self._view_key, table, front, runs.page, has_front=presentation.has_front)
        if description != self._described:
            runs.log(tags=[RunTag(layout.NOTE, description)])
            self._described = description

    def write_files(self, files: Sequence[Path]) -> None:
        """Write files as artifacts of the parent run; replace those of the same name."""
        if self._runs is not None:
            for path in files:
                self._client.log_artifact(self._runs.parent_id, str(path))

    def write_rungs(self, rungs: Sequence[RungQuality]) -> None:
        """Write how well each rung says the end as metrics of the parent run."""
        if self._runs is not None and rungs:
            self._runs.log(layout.rung_metrics(rungs, _milliseconds(self._ended)))

    def close(self, status: str) -> None:
        """End the parent run as FINISHED, FAILED or KILLED (interrupted, to be resumed).

        Trials that have not ended become SCHEDULED: they run when the search is resumed.
        """
        if self._runs is not None:
            self._runs.end(status, _milliseconds(self._ended))

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

    def _find_or_create(self) -> SearchRuns:
        """Look up the runs of the search, and make its parent run if there is none."""
        experiment = open_experiment(self._client, self.space.name, self.artifacts)
        experiment_id = str(experiment.experiment_id)
        found = list(runs_of(self._client, experiment_id, self.search_id))
        parents = [run for run in found if layout.TRIAL not in run.data.tags]
        parent = parents[0] if parents else None
        parent_id = str(parent.info.run_id) if parent else self._create_parent(experiment_id)
        if parent is None or not parent.data.params:
            settings = layout.search_parameters(self.space)
            data = layout.dataset_input(self.space, settings, self.provenance.split_digest)
            describe(self._client, parent_id, data, settings)
        trials, doubled = one_each(run for run in found if layout.TRIAL in run.data.tags)
        for run in (*parents[1:], *doubled):  # somebody restored a deleted run that was written again meanwhile
            self._client.delete_run(run.info.run_id)
        children = {number: self._adopted(run, parent_id) for number, run in trials.items()}
        self._client.update_run(parent_id, status="RUNNING")
        former = parent.data.tags.get(layout.SEARCH_NAME) if parent is not None else None
        write_view(self._client, experiment, self.space, self.search_id, self._view_key)
        if former is not None and former != self.search:
            remove_view(self._client, experiment, view_key(former, self.search_id))
        if parent is not None and former != self.search:
            self._client.update_run(parent_id, name=self.search)
            set_tag(self._client, parent, layout.SEARCH_NAME, self.search)
        require_written(self.tracking_uri)
        self.experiment_id = experiment_id
        search = (self.space, self.search, self.search_id, self.provenance)
        self._runs = SearchRuns(self._client, experiment_id, parent_id, children, *search)
        return self._runs

    def _adopted(self, run: Run, parent_id: str) -> Child:
        """Return what the run of a trial holds; bring its parent and the name of its search up to date."""
        child = known(run)
        set_tag(self._client, run, layout.PARENT, parent_id)  # an earlier parent was deleted
        if run.data.tags.get(layout.SEARCH_NAME) != self.search:  # the folder of the search was renamed
            if child.ended:
                child.ended = False  # its description names the search: write the end again
            else:
                set_tag(self._client, run, layout.SEARCH_NAME, self.search)
        return child

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
