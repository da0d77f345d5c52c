"""Table 2 of the paper as torchattacks runs it, beside the suite `paper`: the second table of a confirmation.

Only a confirmation with the suite `paper_as_run` has it. The figures are metrics of its trials, because the worst case
of AutoAttack's members is known for single images alone.
"""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tuner.ledger import TrialRecord
from tuner.report.text import TextTable

# In a trial's metrics these precede the name of an attack of Table 2.
PAPER, AS_RUN = "table_2_paper/", "table_2_as_run/"


@dataclass(frozen=True)
class Compared:
    """One attack of Table 2 for one confirmed trial: mean accuracies in [0, 1], None for one that was not measured.

    `difference` is the mean over the seeds of what torchattacks leaves more, `deviation` its standard deviation of a
    sample (n - 1), None with a single seed.
    """

    attack: str
    paper: float | None
    as_run: float | None
    difference: float | None
    deviation: float | None


def compared(runs: Sequence[TrialRecord]) -> tuple[Compared, ...]:
    """Return a row for each attack of Table 2 from the completed trials of one point; none for another suite."""
    keys = [key for key in runs[0].last_metrics if key.startswith((PAPER, AS_RUN))]
    attacks = dict.fromkeys(key.partition("/")[2] for key in keys)
    return tuple(_row(attack, runs) for attack in attacks)


def _row(attack: str, runs: Sequence[TrialRecord]) -> Compared:
    paper, as_run = ([run.last_metrics.get(prefix + attack) for run in runs] for prefix in (PAPER, AS_RUN))
    both = [
        theirs - ours for ours, theirs in zip(paper, as_run, strict=True) if ours is not None and theirs is not None
    ]
    return Compared(
        attack=attack,
        paper=_mean(paper),
        as_run=_mean(as_run),
        difference=_mean(both),
        deviation=statistics.stdev(both) if len(both) > 1 else None,
    )


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.fmean(known) if known else None


def compared_table(name: str, rows: Sequence[Compared]) -> TextTable:
    """Return the rows of one trial, by its name, as a table in per cent, the difference in points."""
    cells = [[row.attack, _percent(row.paper), _percent(row.as_run), _points(row)] for row in rows]
    return TextTable([f"Table 2, {name[0].lower()}{name[1:]}", "paper", "as run", "difference"], cells)


def _percent(value: Any) -> str:
    return "-" if value is None else f"{100 * value:.2f}"


def _points(row: Compared) -> str:
    if row.difference is None:
        return "-"
    spread = "" if row.deviation is None else f" ± {100 * row.deviation:.2f}"
    return f"{100 * row.difference:+.2f}{spread}"
