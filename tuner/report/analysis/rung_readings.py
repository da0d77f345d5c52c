"""What the rungs of a search say of the end of a training, as a table and as warnings."""

import math
from collections.abc import Sequence
from dataclasses import replace

from tuner.ledger import TrialRecord
from tuner.pareto.objectives import as_losses
from tuner.report.analysis.front_data import FrontData
from tuner.report.text import TextTable, metric_heading, noun_of
from tuner.search import compared_epochs
from tuner.search.comparable_values import Values, has_failed
from tuner.search.forecast.measured_trials import MeasuredTrials
from tuner.search.forecast.rung_quality import RungQuality, rung_qualities
from tuner.search.forecast.unit_cube import UnitCube
from tuner.space import Space

# The latest trials that are looked at: the check takes seconds.
_MOST_TRIALS = 256
# A rung says nothing if its rank correlation, with its standard error added, is smaller than this.
_LITTLE = 0.5
NOTE = (
    "Rank correlation with the final values: of the values at the rung, and of the forecast from there. Each trial is "
    "forecast without its own later values. The last column is the share of final values inside their 80 % intervals."
)

WHAT_TO_DO = (
    "Trials are stopped there nearly by chance, unless early_stopping.scheduler is forecast or the first rung is later "
    "(early_stopping.grace_epochs)."
)


def rungs_on_record(space: Space, trials: Sequence[TrialRecord]) -> tuple[RungQuality, ...]:
    """Return how well each rung says the end, over the completed trials; empty if they are too few or have no rungs."""
    if not space.rung_epochs or not space.parameters:
        return ()
    trials, values = trials[-_MOST_TRIALS:], Values(compared_epochs(space))
    for trial in trials:
        for report in trial.reports:
            if report.epoch in values.epochs:
                losses = as_losses([report.metrics], space.criteria).reshape(-1)
                values.record(trial.number, report.epoch, losses, report.time)
    failed = {trial.number for trial in trials if has_failed(trial, space.criteria)}
    cube = UnitCube(space.distributions(), space.conditions)
    measured = MeasuredTrials(cube, space.criteria, len(space.constraint_list), ()).now(trials, values, failed)
    return tuple(rung_qualities(measured, [criterion.name for criterion in space.criteria]))


def with_rungs(data: FrontData, space: Space) -> FrontData:
    """Return a front with what the rungs say of the end."""
    return replace(data, rungs=rungs_on_record(space, data.records))


def rungs_text_table(rungs: Sequence[RungQuality]) -> TextTable:
    """Return a row for each rung and metric."""
    headings = ["Rung", "Metric", "Trials", "Rung's rank correlation", "Forecast's", "Inside 80 %"]
    rows = [
        [
            f"epoch {rung.epoch}",
            metric_heading(rung.metric).rstrip(" %"),
            str(rung.trials),
            _correlation(rung.raw),
            _correlation(rung.correlation),
            f"{100 * rung.inside:.0f} %",
        ]
        for rung in rungs
    ]
    return TextTable(headings, rows)


def silent_rungs(rungs: Sequence[RungQuality]) -> dict[tuple[int, str], str]:
    """Return a warning for each rung that says nothing of a final metric, by epoch and metric."""
    return {
        (rung.epoch, rung.metric): f"The rung after epoch {rung.epoch} does not rank the final "
        f"{noun_of(rung.metric)}: its rank correlation is {rung.raw:.2f} over {rung.trials} trials."
        for rung in rungs
        if rung.raw + 1 / math.sqrt(rung.trials - 1) < _LITTLE
    }


def _correlation(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.2f}"
