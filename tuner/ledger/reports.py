"""The reports of a search, in a table beside Optuna's tables.

A long search has a million of them. So only the last report of an ended trial is kept in memory; the others are read
from the database when they are used.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar, overload

import numpy as np
import sqlalchemy as sa

from tuner.ledger.connection import damaged_rows_as_ledger_errors
from tuner.ledger.records import Decision, Report, TrialRecord
from tuner.pareto.objectives import FloatArray

T = TypeVar("T")
metadata = sa.MetaData()
table = sa.Table(
    "tuner_reports",
    metadata,
    sa.Column("search", sa.String(200), primary_key=True),
    sa.Column("trial", sa.Integer, primary_key=True),
    sa.Column("epoch", sa.Integer, primary_key=True),
    sa.Column("rung", sa.Boolean, nullable=False),
    sa.Column("decision", sa.String(16), nullable=False),
    sa.Column("checkpoint", sa.Text),
    sa.Column("time", sa.Double, nullable=False),
    sa.Column("metrics", sa.Text, nullable=False),
    sa.Column("reason", sa.Text),
)
INSERT = table.insert()  # built once: it runs with every report


def row_of(search: str, number: int, report: Report) -> dict[str, Any]:
    """Return the row of the table for one report of a trial."""
    return {
        "search": search,
        "trial": number,
        "epoch": report.epoch,
        "rung": report.rung,
        "decision": report.decision.value,
        "checkpoint": report.checkpoint,
        "time": report.time,
        "metrics": json.dumps(report.metrics),
        "reason": report.reason,
    }


def made_of_reports(trial: TrialRecord, key: Hashable, work: Callable[[Sequence[Report]], T]) -> T:
    """Return what `work` makes of a trial's reports; it is remembered if they are in a database and do not change."""
    if isinstance(trial.reports, StoredReports):
        return trial.reports.remember(key, work)
    return work(trial.reports)


def report_times(trial: TrialRecord) -> FloatArray:
    """Return the times of a trial's reports, (epochs,), in seconds since 1970, without reading the reports."""
    if isinstance(trial.reports, StoredReports):
        return trial.reports.times
    return np.array([report.time for report in trial.reports], dtype=np.float64)


class ReportReader:
    """Reads the reports of one search. It holds no connection between calls, so it works after the ledger is closed."""

    def __init__(self, engine: sa.Engine, search: str) -> None:
        """Read from the database of `engine`, which has no pool."""
        self._engine = engine
        self._search = search
        self._times: dict[int, FloatArray] | None = None

    def of_trial(self, number: int) -> tuple[Report, ...]:
        """Return all reports of a trial by epoch."""
        return tuple(report for _, report in self._rows(table.c.trial == number))

    def at_epochs(self, epochs: Iterable[int]) -> Iterator[tuple[int, Report]]:
        """Return the reports of all trials at some epochs, each with its trial's number, by number and epoch."""
        # The sum makes the database find the rows in one pass over the index, already in order.
        return self._rows((table.c.epoch + 0).in_(tuple(epochs)))

    def stored(self, number: int | None = None) -> dict[int, "StoredReports"]:
        """Return the reports of all trials that have any, or of one trial, by number; read only the last of each."""
        chosen = table.c.search == self._search
        if number is not None:
            chosen &= table.c.trial == number
        ends = (
            sa.select(table.c.trial, sa.func.max(table.c.epoch).label("epoch"), sa.func.count().label("reports"))
            .where(chosen)
            .group_by(table.c.trial)
            .subquery()
        )
        at_end = (table.c.trial == ends.c.trial) & (table.c.epoch == ends.c.epoch)
        query = sa.select(table, ends.c.reports).join(ends, at_end).where(chosen)
        with self._reading() as connection:
            rows = connection.execute(query).all()
            return {row.trial: StoredReports(self, row.trial, row.reports, _report(row)) for row in rows}

    def times(self, number: int, reports: int) -> FloatArray:
        """Return the times of a trial's `reports` reports, ascending. The first call reads the times of all trials."""
        if self._times is None:
            self._times = self._read_times(sa.true())
        if len(self._times.get(number, ())) != reports:  # the trial has gone on since
            self._times |= self._read_times(table.c.trial == number)
        return self._times[number]

    @contextmanager
    def _reading(self) -> Iterator[sa.Connection]:
        with damaged_rows_as_ledger_errors(str(self._engine.url)), self._engine.connect() as connection:
            yield connection

    def _read_times(self, chosen: sa.ColumnElement[bool]) -> dict[int, FloatArray]:
        found: dict[int, list[float]] = defaultdict(list)
        with self._reading() as connection:
            query = sa.select(table.c.trial, table.c.time).where(table.c.search == self._search, chosen)
            for trial, time in connection.execute(query).all():
                found[trial].append(time)
        return {trial: np.sort(times) for trial, times in found.items()}

    def _rows(self, chosen: sa.ColumnElement[bool]) -> Iterator[tuple[int, Report]]:
        query = sa.select(table).where(table.c.search == self._search, chosen)
        with self._reading() as connection:
            for row in connection.execute(query.order_by(table.c.trial, table.c.epoch)):
                yield row.trial, _report(row)


class StoredReports(Sequence[Report]):
    """The reports of one trial: the last one in memory, the others in the database until they are used."""

    def __init__(self, reader: ReportReader, number: int, count: int, last: Report) -> None:
        self._reader = reader
        self._number = number
        self._count = count
        self._last = last
        self._remembered: dict[Hashable, Any] = {}

    def remember(self, key: Hashable, work: Callable[[Sequence[Report]], T]) -> T:
        """Return what `work` makes of the reports, which are read only at the first call with this key.

        Those of an ended trial do not change any more.
        """
        if key not in self._remembered:
            self._remembered[key] = work(self._reader.of_trial(self._number))
        found: T = self._remembered[key]
        return found

    @property
    def times(self) -> FloatArray:
        """The times of the reports, (reports,), in seconds since 1970, ascending."""
        return self._reader.times(self._number, self._count)

    def __len__(self) -> int:
        """Count the reports without reading them."""
        return self._count

    @overload
    def __getitem__(self, index: int) -> Report: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Report]: ...
    def __getitem__(self, index: int | slice) -> Report | Sequence[Report]:
        """Return the last report from memory, others from the database."""
        if isinstance(index, int) and index in {-1, self._count - 1}:
            return self._last
        return self._reader.of_trial(self._number)[index]

    def __iter__(self) -> Iterator[Report]:
        """Read the reports of the trial, by epoch."""
        return iter(self._reader.of_trial(self._number))

    def __reversed__(self) -> Iterator[Report]:
        """Yield the reports from the last one, which is in memory, to the first."""
        yield self._last
        yield from self._reader.of_trial(self._number)[-2::-1]

    def __eq__(self, other: object) -> bool:
        """Compare with any other reports of a trial."""
        return isinstance(other, Sequence) and len(other) == self._count and tuple(self) == tuple(other)

    __hash__ = None  # type: ignore[assignment]  # equal to tuples, which have another hash

    def __repr__(self) -> str:
        """Show the reports themselves."""
        return repr(tuple(self))


def _report(row: sa.Row[Any]) -> Report:
    metrics = json.loads(row.metrics)
    if not isinstance(metrics, dict):
        raise TypeError(f"the metrics of trial {row.trial} are {row.metrics!r}")
    return Report(
        epoch=row.epoch,
        metrics=metrics,
        rung=row.rung,
        decision=Decision(row.decision),
        checkpoint=row.checkpoint,
        time=row.time,
        reason=row.reason,
    )
