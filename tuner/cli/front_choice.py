"""The options of `tuner front` and `tuner confirm` that choose trials from the front."""

import math
from dataclasses import dataclass
from itertools import compress
from typing import TYPE_CHECKING, Annotated

import typer

from training.config import is_accuracy, share_fault
from training.config.fields import number_from_text
from tuner.errors import UsageError

if TYPE_CHECKING:
    from tuner.report.analysis.front_data import FrontData
    from tuner.report.analysis.selection import Wish


Minimums = Annotated[
    list[str] | None,
    typer.Option("--min", help="Only trials with at least this value; repeatable.", metavar="METRIC=VALUE"),
]
Maximums = Annotated[
    list[str] | None,
    typer.Option("--max", help="Only trials with at most this value; repeatable.", metavar="METRIC=VALUE"),
]
Knee = Annotated[bool, typer.Option("--knee", help="Only the knee of the front, the best compromise.")]
MaxLoss = Annotated[
    float | None,
    typer.Option(
        "--max-loss",
        help="Only the most robust trial among those that lose at most this much of the best natural accuracy; 0.01 is "
        "one point. Other objectives: the first one is lost, the last accuracy or else the last one is gained.",
        metavar="SHARE",
    ),
]


@dataclass(frozen=True)
class FrontChoice:
    """The options as the user typed them; `minimums` and `maximums` have the form METRIC=VALUE."""

    minimums: tuple[str, ...] = ()
    maximums: tuple[str, ...] = ()
    knee: bool = False
    max_loss: float | None = None
    trial: int | None = None

    @property
    def given(self) -> tuple[str, ...]:
        """Those of the options that the user gave."""
        chosen = (self.knee, self.max_loss is not None, self.trial is not None)
        names = ("--min", "--max", "--knee", "--max-loss", "--trial")
        return tuple(compress(names, (bool(self.minimums), bool(self.maximums), *chosen)))

    def wish(self, data: "FrontData") -> "Wish":
        """Check the options against the objectives of a search; raise UsageError if they do not fit."""
        from tuner.report.analysis.selection import Wish

        single = tuple(option for option in self.given if option not in {"--min", "--max"})
        if len(single) > 1:
            raise UsageError(f"{' and '.join(single)} each choose one trial: give one of them.", single)
        if self.trial is not None and (self.minimums or self.maximums):
            raise UsageError("--trial chooses a trial whatever its values are: leave out --min and --max.", self.given)
        if self.max_loss is not None:
            _check_max_loss(self.max_loss, data)
        minimums = _parse_bounds("--min", self.minimums, data)
        maximums = _parse_bounds("--max", self.maximums, data)
        return Wish(minimums, maximums, knee=self.knee, max_loss=self.max_loss, trial=self.trial)


def _check_max_loss(max_loss: float, data: "FrontData") -> None:
    from tuner.report.analysis.selection import traded

    if len(data.objectives) == 1:
        only = data.objectives[0].name
        raise UsageError(f"--max-loss trades two objectives, but {data.search} has only {only}.", "--max-loss")
    given, _ = traded(data.objectives)
    highest = 1.0 if is_accuracy(given.name) else float("inf")
    if not 0 <= max_loss < highest:
        rule = "a share of at least 0 and below 1: 0.01 is one point" if is_accuracy(given.name) else "at least 0"
        raise UsageError(f"--max-loss is {max_loss:g}, but must be {rule}.", "--max-loss")


def _parse_bounds(flag: str, options: tuple[str, ...], data: "FrontData") -> dict[str, float]:
    """Return the values of `--min` or `--max` by metric: an objective, or what a constraint limits."""
    directions = {objective.name: objective.maximise for objective in data.objectives}
    bounds: dict[str, float] = {}
    for option in options:
        metric, _, text = option.partition("=")
        if metric not in data.metric_names:
            raise UsageError(f"{flag} {option!r}: the metrics of this search are {', '.join(data.metric_names)}.", flag)
        if directions.get(metric) is (flag == "--max"):
            way = "minimised" if flag == "--min" else "maximised"
            other = "--max" if flag == "--min" else "--min"
            rule = f"{metric} is {way}, so this would keep its worst trials; use {other}"
            raise UsageError(f"{flag} {option!r}: {rule}.", flag)
        if metric in bounds:
            rule = f"{metric} has the bound {bounds[metric]:g} too; keep one"
            raise UsageError(f"{flag} {option!r}: {rule}.", flag)
        bounds[metric] = _parse_bound(flag, option, metric, text)
    return bounds


def _parse_bound(flag: str, option: str, metric: str, text: str) -> float:
    try:
        value = number_from_text(text)
    except ValueError as error:
        raise UsageError(f"{flag} {option!r} must have the form METRIC=VALUE, as {metric}=0.8.", flag) from error
    if not math.isfinite(value):
        raise UsageError(f"{flag} {option!r}: {text} is not finite. Give a number such as {metric}=0.8.", flag)
    if fault := share_fault(metric, value):
        raise UsageError(f"{flag} {option!r}: {fault}.", flag)
    return value
