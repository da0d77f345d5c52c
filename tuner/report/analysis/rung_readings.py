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

_OF_THE_FORECAST = "The forecast decides there, not the rung itself: `tuner show` says how well it ranks."
_OF_PLAIN_RUNGS = (
    "Trials are stopped there nearly by chance: set early_stopping.scheduler to forecast, or make the first rung later "
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


def what_follows(scheduler: str) -> str:
    """Return what a rung that says nothing means for a search that stops trials by this scheduler."""
    return _OF_THE_FORECAST if scheduler == "forecast" else _OF_PLAIN_RUNGS


def _correlation(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.2f}"
