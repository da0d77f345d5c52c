"""The ledger's storage: an Optuna study for the trials, and beside it one table for their reports.

Optuna keeps numbers, parameters and ends of trials, and stays readable by its own tools. Reports have a
table of their own because Optuna stores no intermediate values for several objectives, and because a
report, its decision and its checkpoint have to become durable in one transaction.
"""

import json
import time
import warnings
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import optuna
import sqlalchemy as sa
from optuna.distributions import BaseDistribution
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState, create_trial

from tuner.errors import UsageError
from tuner.ledger.connection import connect
from tuner.ledger.records import Decision, Outcome, Report, TrialRecord
from tuner.objectives import Objective
from tuner.urls import without_password

optuna.logging.set_verbosity(optuna.logging.WARNING)

SCHEMA_VERSION = 1

# Optuna's own times are local ones without their zone: another reader would take them for its own.
_STARTED = "started"
_ENDED = "ended"
_ERROR = "error"

_metadata = sa.MetaData()
_reports = sa.Table(
    "tuner_reports",
    _metadata,
    sa.Column("search", sa.String(200), primary_key=True),
    sa.Column("trial", sa.Integer, primary_key=True),
    sa.Column("epoch", sa.Integer, primary_key=True),
    sa.Column("rung", sa.Boolean, nullable=False),
    sa.Column("decision", sa.String(16), nullable=False),
    sa.Column("checkpoint", sa.Text),
    sa.Column("time", sa.Double, nullable=False),
    sa.Column("metrics", sa.Text, nullable=False),
)
_STATES = {
    Outcome.COMPLETED: TrialState.COMPLETE,
    Outcome.STOPPED: TrialState.PRUNED,
    Outcome.FAILED: TrialState.FAIL,
}
_OUTCOMES = {state: outcome for outcome, state in _STATES.items()} | {TrialState.RUNNING: Outcome.RUNNING}


def default_ledger_url(search_folder: Path) -> str:
    """Give the URL of a search's own SQLite file."""
    return f"sqlite:///{search_folder.resolve() / 'ledger.db'}"


class Ledger:
    """One search's record, written by the driver alone; a method that writes returns once it is durable."""

    def __init__(
        self, url: str, search: str, study: optuna.Study, storage: optuna.storages.RDBStorage, engine: sa.Engine
    ) -> None:
        """Use `create` or `open`."""
        self.url = url
        self.search = search
        self._study = study
        self._storage = storage
        self._engine = engine

    @classmethod
    def create(cls, url: str, search: str, objectives: Sequence[Objective], facts: Mapping[str, Any]) -> Self:
        """Start the record of a new search; `facts` are JSON values known from its start (its space, its id).

        Raises UsageError if the storage cannot be reached or holds a search of this name already.
        """
        storage, engine = connect(url)
        directions = [
            StudyDirection.MAXIMIZE if objective.maximise else StudyDirection.MINIMIZE for objective in objectives
        ]
        try:
            study = optuna.create_study(storage=storage, study_name=search, directions=directions)
        except optuna.exceptions.DuplicatedStudyError as error:
            raise UsageError(
                f"The ledger {without_password(url)} holds a search named {search!r} already, whose folder is "
                "not here: choose another --name, or resume it with the --runs-dir that has its folder."
            ) from error
        ledger = cls(url, search, study, storage, engine)
        try:
            with warnings.catch_warnings():  # stable in fact since Optuna 3.2, experimental in name
                warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
                study.set_metric_names([objective.name for objective in objectives])
            _metadata.create_all(engine)
            ledger.set_facts({"schema_version": SCHEMA_VERSION, **facts})
        except BaseException:
            ledger.delete()
            raise
        return ledger

    @classmethod
    def open(cls, url: str, search: str) -> Self:
        """Open the record of an existing search; raise UsageError if there is none or it cannot be read."""
        if url.startswith("sqlite:///") and not Path(url.removeprefix("sqlite:///").partition("?")[0]).is_file():
            raise UsageError(f"There is no ledger at {without_password(url)}: `tuner list` shows the searches.")
        storage, engine = connect(url)
        try:
            study = optuna.load_study(study_name=search, storage=storage)
        except KeyError as error:
            raise UsageError(f"The ledger {without_password(url)} holds no search named {search!r}.") from error
        ledger = cls(url, search, study, storage, engine)
        version = ledger.facts().get("schema_version")
        if version != SCHEMA_VERSION:
            raise UsageError(
                f"The ledger {without_password(url)} has schema version {version}, but this release reads "
                f"{SCHEMA_VERSION}: use the release that wrote it."
            )
        return ledger

    def facts(self) -> dict[str, Any]:
        """Give what was recorded of the search as a whole."""
        return dict(self._study.user_attrs)

    def set_facts(self, facts: Mapping[str, Any]) -> None:
        """Record facts of the search as a whole, replacing those of the same name."""
        for key, value in facts.items():
            self._study.set_user_attr(key, value)

    def propose(self, parameters: Mapping[str, Any], distributions: Mapping[str, BaseDistribution]) -> int:
        """Record a new running trial and give its number, its identity everywhere."""
        self._study.add_trial(
            create_trial(
                state=TrialState.RUNNING,
                params=dict(parameters),
                distributions=dict(distributions),
                user_attrs={_STARTED: time.time()},
            )
        )
        return len(self._study.get_trials(deepcopy=False)) - 1

    def record(self, number: int, report: Report) -> None:
        """Record one epoch with the decision on it, in one transaction."""
        with self._engine.begin() as connection:
            connection.execute(
                _reports.insert().values(
                    search=self.search,
                    trial=number,
                    epoch=report.epoch,
                    rung=report.rung,
                    decision=report.decision.value,
                    checkpoint=report.checkpoint,
                    time=report.time,
                    metrics=json.dumps(report.metrics),
                )
            )

    def renew_checkpoint(self, number: int, epoch: int, checkpoint: str) -> None:
        """Record where the checkpoint of an epoch lies that was trained again, and forget those of later epochs."""
        of_trial = (_reports.c.search == self.search) & (_reports.c.trial == number)
        with self._engine.begin() as connection:
            connection.execute(
                _reports.update().where(of_trial, _reports.c.epoch == epoch).values(checkpoint=checkpoint)
            )
            connection.execute(_reports.update().where(of_trial, _reports.c.epoch > epoch).values(checkpoint=None))

    def finish(
        self, number: int, outcome: Outcome, values: Sequence[float] | None = None, error: str | None = None
    ) -> TrialRecord:
        """End a running trial for good and give it as it is on record, without its reports.

        `values` are in the objectives' order if it completed.
        """
        attributes = {_ENDED: time.time()} if error is None else {_ENDED: time.time(), _ERROR: error}
        trial_id = self._trials()[number]._trial_id  # noqa: SLF001 - Optuna offers no other way by number
        for key, value in attributes.items():
            self._study._storage.set_trial_user_attr(trial_id, key, value)  # noqa: SLF001
        return _record(self._study.tell(number, values=values, state=_STATES[outcome]), reports=())

    def load(self) -> list[TrialRecord]:
        """Read all trials in the order of their numbers."""
        reports = self._load_reports()
        return [_record(trial, tuple(reports.get(trial.number, ()))) for trial in self._trials()]

    def delete(self) -> None:
        """Remove the record of a search that could not begin, so that its name is free, and close."""
        optuna.delete_study(study_name=self.search, storage=self._storage)
        self.close()

    def close(self) -> None:
        """Release all connections; the last one on a file brings what SQLite keeps beside it into it."""
        self._storage.remove_session()
        self._storage.engine.dispose()
        self._engine.dispose()

    def _trials(self) -> list[FrozenTrial]:
        return self._study.get_trials(deepcopy=False)

    def _load_reports(self) -> dict[int, list[Report]]:
        query = sa.select(_reports).where(_reports.c.search == self.search).order_by(_reports.c.trial, _reports.c.epoch)
        reports: dict[int, list[Report]] = defaultdict(list)
        with self._engine.connect() as connection:
            for row in connection.execute(query):
                reports[row.trial].append(
                    Report(
                        epoch=row.epoch,
                        metrics=json.loads(row.metrics),
                        rung=row.rung,
                        decision=Decision(row.decision),
                        checkpoint=row.checkpoint,
                        time=row.time,
                    )
                )
        return reports


def _record(trial: FrozenTrial, reports: tuple[Report, ...]) -> TrialRecord:
    attributes = trial.user_attrs
    return TrialRecord(
        number=trial.number,
        parameters=dict(trial.params),
        outcome=_OUTCOMES[trial.state],
        started=attributes.get(_STARTED, trial.datetime_start.timestamp() if trial.datetime_start else 0.0),
        ended=None if trial.datetime_complete is None else attributes.get(_ENDED, trial.datetime_complete.timestamp()),
        reports=reports,
        error=attributes.get(_ERROR) if trial.state is TrialState.FAIL else None,
    )
