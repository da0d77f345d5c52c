"""The reports of a search, in a table beside Optuna's, and read in parts.

A long search has a million of them. So the reports of a trial that has ended stay in the database but for the last one,
and come from there, whole, when somebody asks for them.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, overload

import numpy as np
import sqlalchemy as sa

from tuner.ledger.database_errors import reading_rows
from tuner.ledger.records import Decision, Report, TrialRecord
from tuner.pareto.objectives import FloatArray

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
)


def row_of(search: str, number: int, report: Report) -> dict[str, Any]:
    """Give the row of the table that holds a trial's report."""
    return {
        "search": search,
        "trial": number,
        "epoch": report.epoch,
        "rung": report.rung,
        "decision": report.decision.value,
        "checkpoint": report.checkpoint,
        "time": report.time,
        "metrics": json.dumps(report.metrics),
    }


def report_times(trial: TrialRecord) -> FloatArray:
    """Give when a trial's epochs were reported, (epochs,), seconds since 1970, without reading its reports."""
    if isinstance(trial.reports, StoredReports):
        return trial.reports.times
    return np.array([report.time for report in trial.reports], dtype=np.float64)


class ReportReader:
    """Reads one search's reports; it holds no connection between its calls, so it outlives the ledger it came from."""

    def __init__(self, engine: sa.Engine, search: str) -> None:
        """Read from the database of an `engine` without a pool."""
        self._engine = engine
        self._search = search
        self._times: dict[int, FloatArray] | None = None

    def of_trial(self, number: int) -> tuple[Report, ...]:
        """Give all reports of a trial by epoch."""
        return tuple(report for _, report in self._rows(table.c.trial == number))

    def at_epochs(self, epochs: Iterable[int]) -> Iterator[tuple[int, Report]]:
        """Give the reports of all trials at some epochs, each with its trial's number, by number and epoch."""
        # With a sum, the database finds the rows in one pass over the index, in this order, and sorts nothing.
        return self._rows((table.c.epoch + 0).in_(tuple(epochs)))

    def stored(self, number: int | None = None) -> dict[int, "StoredReports"]:
        """Give the reports of all trials that have any, or of one, by trial number; only the last ones are read."""
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
        """Give when the `reports` reports of a trial were made, ascending; at first all trials' are read at once."""
        if self._times is None:
            self._times = self._read_times(sa.true())
        if len(self._times.get(number, ())) != reports:  # it went on since
            self._times |= self._read_times(table.c.trial == number)
        return self._times[number]

    @contextmanager
    def _reading(self) -> Iterator[sa.Connection]:
        with reading_rows(str(self._engine.url)), self._engine.connect() as connection:
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
    """The reports of one trial: the last one at hand, the others in the database until somebody reads them."""

    def __init__(self, reader: ReportReader, number: int, count: int, last: Report) -> None:
        self._reader = reader
        self._number = number
        self._count = count
        self._last = last

    @property
    def times(self) -> FloatArray:
        """When the reports were made, (reports,), in seconds since 1970, ascending."""
        return self._reader.times(self._number, self._count)

    def __len__(self) -> int:
        """Count the reports without reading them."""
        return self._count

    @overload
    def __getitem__(self, index: int) -> Report: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Report]: ...
    def __getitem__(self, index: int | slice) -> Report | Sequence[Report]:
        """Give the last report at once, others from the database."""
        if isinstance(index, int) and index in {-1, self._count - 1}:
            return self._last
        return self._reader.of_trial(self._number)[index]

    def __iter__(self) -> Iterator[Report]:
        """Read the reports of the trial, by epoch."""
        return iter(self._reader.of_trial(self._number))

    def __reversed__(self) -> Iterator[Report]:
        """Give the reports from the last one back, which is at hand."""
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
    return Report(
        epoch=row.epoch,
        metrics=json.loads(row.metrics),
        rung=row.rung,
        decision=Decision(row.decision),
        checkpoint=row.checkpoint,
        time=row.time,
    )
