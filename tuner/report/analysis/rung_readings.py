"""What the rungs of a search say of the end of a training, as a table and as warnings."""

import math
from collections.abc import Sequence

from tuner.report.text import TextTable, metric_heading, noun_of
from tuner.search.forecast.rung_quality import RungQuality

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
