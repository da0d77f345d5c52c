"""The ledger in a database: an Optuna study for the trials, and one table beside it for their reports.

Optuna keeps the numbers, parameters and ends of trials, and its own tools can read them. Reports have a table of
their own: Optuna stores no intermediate values for several objectives, and a report, its decision and its checkpoint
must become durable in one transaction.
"""

import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import optuna
import sqlalchemy as sa
from optuna.distributions import BaseDistribution
from optuna.study import StudyDirection

from tuner.database_url import file_of_url, require_written, url_of_file
from tuner.errors import UsageError
from tuner.ledger import fencing, instructions, reports, study_tables, trial_rows
from tuner.ledger.connection import (
    Connections,
    as_ledger_errors,
    connected,
    damaged_rows_as_ledger_errors,
    disconnect,
    require_whole,
)
from tuner.ledger.protocol import Ledger, TakenOverError
from tuner.ledger.records import Instruction, InstructionState, Outcome, Report, TrialRecord
from tuner.ledger.stored_trial import CRASHES, ENDED, ERROR, STATES, end_mark, is_own, own_times, record_of, start_mark
from tuner.optuna_private import study_id
from tuner.pareto.objectives import Objective
from tuner.redact import without_password

optuna.logging.set_verbosity(optuna.logging.WARNING)

_SCHEMA_VERSION = 2
LEDGER_FILE = "ledger.db"
_TICK_SECONDS = 1e-6  # a few times the smallest difference between two times of today as floats


def default_ledger_url(search_folder: Path) -> str:
    """Return the URL of the SQLite file in a search's folder."""
    return url_of_file(search_folder / LEDGER_FILE)


class SqlLedger(Ledger):
    """The record of one search in a database: SQLite by default, PostgreSQL on a cluster."""

    def __init__(
        self,
        url: str,
        search: str,
        study: optuna.Study,
        connections: Connections,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Use `create` or `open`."""
        self.url = url
        self.search = search
        self._study = study
        self._study_id = study_id(study)
        self._connections = connections
        self._storage, self._engine, reading = connections
        self._reader = reports.ReportReader(reading, search)
        self._trial_ids: dict[int, int] = {}
        self._clock, self._latest = clock, 0.0
        self._driver: int | None = None
        self.taken_over: TakenOverError | None = None

    @classmethod
    def create(cls, url: str, search: str, objectives: Sequence[Objective], facts: Mapping[str, Any]) -> Self:
        """Start the record of a new search; `facts` are JSON values that are known then: its space, its id.

        Raise UsageError if the storage cannot be reached or already holds a search of this name.
        """
        with connected(url) as connections:
            directions = [StudyDirection.MAXIMIZE if o.maximise else StudyDirection.MINIMIZE for o in objectives]
            try:
                study = optuna.create_study(storage=connections[0], study_name=search, directions=directions)
            except optuna.exceptions.DuplicatedStudyError as error:
                address = without_password(url)
                found = f"The ledger {address} already holds a search named {search!r}, whose folder is not here"
                way = "choose another --name, or resume it with the --runs-dir that has its folder"
                raise UsageError(f"{found}: {way}.", search) from error
            ledger = cls(url, search, study, connections)
            try:
                with warnings.catch_warnings():  # Optuna has called it experimental since 3.2, but it has not changed
                    warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
                    study.set_metric_names([objective.name for objective in objectives])
                reports.metadata.create_all(connections[1])
                ledger._delete_rows()  # of a study that another program removed: Optuna's tools leave them
                ledger.set_facts({"schema_version": _SCHEMA_VERSION, **facts})
                require_written(url)
            except BaseException:
                ledger.delete()
                raise
            return ledger

    @classmethod
    def open(cls, url: str, search: str, clock: Callable[[], float] = time.time) -> Self:
        """Open the record of an existing search; raise UsageError if there is none or it cannot be read."""
        address = without_password(url)
        if (file := file_of_url(url)) is not None and not file.is_file():
            raise UsageError(f"There is no ledger at {address}: `tuner list` shows the searches.", address)
        with connected(url) as connections:
            require_whole(url, connections[1])
            with damaged_rows_as_ledger_errors(url):
                try:
                    study = optuna.load_study(study_name=search, storage=connections[0])
                except KeyError as error:
                    raise UsageError(f"The ledger {address} holds no search named {search!r}.", search) from error
            ledger = cls(url, search, study, connections, clock)
            version = ledger.facts().get("schema_version")
            if version != _SCHEMA_VERSION:
                found = f"The ledger {address} has schema version {version}, but this release reads {_SCHEMA_VERSION}"
                raise UsageError(f"{found}: use the release that wrote it.", ("schema_version", version))
            return ledger

    def facts(self) -> dict[str, Any]:
        with damaged_rows_as_ledger_errors(self.url):
            try:
                return dict(self._study.user_attrs)
            except KeyError as error:
                raise fencing.lost_study(self.search) from error

    def set_facts(self, facts: Mapping[str, Any]) -> None:
        with as_ledger_errors(self.url):
            for key, value in facts.items():
                self._study.set_user_attr(key, value)

    def take_over(self) -> None:
        with self._writing() as connection:
            self._driver = fencing.take_over(connection, self._study_id)

    def propose(self, parameters: Mapping[str, Any], distributions: Mapping[str, BaseDistribution]) -> int:
        with self._writing() as connection:
            trial_id, number = study_tables.insert_trial(connection, self._study_id, parameters, distributions)
            self._mark_started(connection, trial_id, number, enqueued=False)
        self._trial_ids[number] = trial_id
        return number

    def enqueued(self) -> dict[int, dict[str, Any]]:
        with damaged_rows_as_ledger_errors(self.url), self._engine.connect() as connection:
            return trial_rows.enqueued_trials(connection, self._study_id)

    def start_enqueued(
        self, number: int, parameters: Mapping[str, Any], distributions: Mapping[str, BaseDistribution]
    ) -> bool:
        trial_id = self._trial_id(number)
        with self._writing() as connection:
            if not study_tables.start_enqueued(connection, trial_id, parameters, distributions):
                return False
            study_tables.remove_attributes(connection, trial_id, (ENDED, ERROR, CRASHES))  # copied from another trial
            self._mark_started(connection, trial_id, number, enqueued=True)
            return True

    def enqueue(self, parameters: Mapping[str, Any], instruction: int, answer: Callable[[int], str]) -> int:
        with self._writing() as connection:
            number = study_tables.enqueue_trial(connection, self._study_id, parameters)
            instructions.answer(connection, self.search, instruction, InstructionState.OBEYED, answer(number))
        return number

    def instruct(self, kind: str, arguments: Mapping[str, Any]) -> int:
        with self._writing() as connection:
            return instructions.insert(
                connection, self._study_id, self.search, kind=kind, arguments=arguments, time=self._clock()
            )

    def instructions(self, *, waiting: bool = False) -> Sequence[Instruction]:
        with damaged_rows_as_ledger_errors(self.url), self._engine.connect() as connection:
            return instructions.read(connection, self.search, waiting=waiting)

    def answer(self, number: int, state: InstructionState, text: str) -> None:
        with self._writing() as connection:
            instructions.answer(connection, self.search, number, state, text)

    def record(self, number: int, report: Report) -> bool:
        trial_id = self._trial_id(number)
        with self._writing() as connection:
            connection.execute(reports.INSERT, reports.row_of(self.search, number, report))
            return study_tables.is_running(connection, trial_id)

    def count_crashes(self, number: int, crashes: int) -> None:
        with self._writing() as connection:
            study_tables.write_attributes(connection, self._trial_id(number), {CRASHES: crashes})

    def renew_checkpoint(self, number: int, epoch: int, checkpoint: str) -> None:
        table = reports.table
        of_trial = (table.c.search == self.search) & (table.c.trial == number)
        with self._writing() as connection:
            connection.execute(table.update().where(of_trial, table.c.epoch == epoch).values(checkpoint=checkpoint))
            connection.execute(table.update().where(of_trial, table.c.epoch > epoch).values(checkpoint=None))

    def finish(
        self, number: int, outcome: Outcome, values: Sequence[float] | None = None, error: str | None = None
    ) -> TrialRecord:
        attributes = end_mark(outcome, self._now()) | ({} if error is None else {ERROR: error})
        trial_id = self._trial_id(number)
        with self._writing() as connection:
            study_tables.end_trial(connection, trial_id, STATES[outcome], values, attributes)
        return self.trial(number)

    def trial(self, number: int) -> TrialRecord:
        with damaged_rows_as_ledger_errors(self.url):
            (row,) = self._trials(self._trial_id(number))
            return record_of(row, self._reader.stored(number).get(number, ()))

    def load(self) -> list[TrialRecord]:
        """Return all trials by number. The reports of an ended trial but its last one are read when they are used."""
        return self.load_with_foreign()[0]

    def load_with_foreign(self) -> tuple[list[TrialRecord], dict[int, str]]:
        """Return the same, and the states, in Optuna's words, of the trials of other programs, by number."""
        with damaged_rows_as_ledger_errors(self.url):
            # Before their reports: the last one of an ended trial must not be missing.
            found = self._trials()
            rows = [row for row in found if is_own(row, self._search_id)]
            foreign = {row.number: row.state.name.lower() for row in found if not is_own(row, self._search_id)}
            stored = self._reader.stored()
            self._trial_ids = {row.number: row.trial_id for row in rows}
            self._latest = max([self._latest, *(time for row in rows for time in own_times(row))])
            records = (record_of(row, stored.get(row.number, ())) for row in rows)
            own = [replace(r, reports=tuple(r.reports)) if r.outcome is Outcome.RUNNING else r for r in records]
            return own, foreign

    def reports_at(self, epochs: Iterable[int]) -> Iterator[tuple[int, Report]]:
        with as_ledger_errors(self.url):
            yield from self._reader.at_epochs(epochs)

    @cached_property
    def _search_id(self) -> str | None:
        return self.facts().get("search_id")

    def _mark_started(self, connection: sa.Connection, trial_id: int, number: int, *, enqueued: bool) -> None:
        mark = start_mark(self._search_id, number, self._now(), enqueued=enqueued)
        study_tables.write_attributes(connection, trial_id, mark)

    def _now(self) -> float:
        """Return a time later than all on record: times order the trials, even if the clock was set back."""
        self._latest = max(self._clock(), self._latest + _TICK_SECONDS)
        return self._latest

    def delete(self) -> None:
        """Remove the record of a search, so that its name is free again, and close.

        The study is the last part that goes: while it is there, an interrupted deletion can be repeated.
        """
        self._delete_rows()
        optuna.delete_study(study_name=self.search, storage=self._storage)
        self.close()

    def _delete_rows(self) -> None:
        with as_ledger_errors(self.url), self._engine.begin() as connection:
            present = set(sa.inspect(connection).get_table_names())
            for table in reports.metadata.sorted_tables:
                if table.name in present:
                    connection.execute(table.delete().where(table.c.search == self.search))

    def close(self) -> None:
        """Release all connections. When the last one closes, SQLite merges the files beside the database into it."""
        disconnect(self._connections)

    @contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        """Open a transaction; undo it if another driver has taken over.

        What the other driver wrote can make this transaction fail as well, so every failure is checked for that.
        """
        try:
            with as_ledger_errors(self.url), self._engine.begin() as connection:
                yield connection
                self._require_own(connection)
        except Exception as error:
            with suppress(sa.exc.SQLAlchemyError), self._engine.connect() as connection:
                try:
                    self._require_own(connection)
                except TakenOverError as reason:
                    self.taken_over = reason
                    raise reason from error
            raise

    def _require_own(self, connection: sa.Connection) -> None:
        if self._driver is not None:
            fencing.require_holder(connection, self._study_id, self.search, self._driver)

    def _trials(self, trial_id: int | None = None) -> list[trial_rows.TrialRow]:
        with self._engine.connect() as connection:
            return trial_rows.read_trials(connection, self._study_id, trial_id)

    def _trial_id(self, number: int) -> int:
        """Return Optuna's key of a trial; Optuna itself would look through all trials."""
        if number not in self._trial_ids:
            self._trial_ids = {row.number: row.trial_id for row in self._trials()}
        return self._trial_ids[number]
