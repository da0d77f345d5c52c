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
Knee = Annotated[bool, typer.Option("--knee", help="Only the knee of the front, the best compromise.")]
MaxLoss = Annotated[
    float | None,
    typer.Option(
        "--max-loss",
        help="Only the most robust trial among those that lose at most this much of the best natural accuracy; 0.01 is "
        "one point.",
        metavar="SHARE",
    ),
]


@dataclass(frozen=True)
class FrontChoice:
    """The options as the user typed them; `minimums` have the form METRIC=VALUE."""

    minimums: tuple[str, ...] = ()
    knee: bool = False
    max_loss: float | None = None
    trial: int | None = None

    @property
    def given(self) -> tuple[str, ...]:
        """Those of the options that the user gave."""
        are_given = (bool(self.minimums), self.knee, self.max_loss is not None, self.trial is not None)
        return tuple(compress(("--min", "--knee", "--max-loss", "--trial"), are_given))

    def wish(self, data: "FrontData") -> "Wish":
        """Check the options against the objectives of a search; raise UsageError if they do not fit."""
        from tuner.report.analysis.selection import Wish

        single = tuple(option for option in self.given if option != "--min")
        if len(single) > 1:
            raise UsageError(f"{' and '.join(single)} each choose one trial: give one of them.", single)
        if self.trial is not None and self.minimums:
            raise UsageError("--trial chooses a trial whatever its accuracies are: leave out --min.", self.given)
        if self.max_loss is not None:
            _check_max_loss(self.max_loss, data)
        minimums = _parse_minimums(self.minimums, data)
        return Wish(minimums, knee=self.knee, max_loss=self.max_loss, trial=self.trial)


def _check_max_loss(max_loss: float, data: "FrontData") -> None:
    names = [objective.name for objective in data.objectives]
    if len(names) == 1:
        raise UsageError(f"--max-loss trades two objectives, but {data.search} has only {names[0]}.", "--max-loss")
    highest = 1.0 if is_accuracy(names[0]) else float("inf")
    if not 0 <= max_loss < highest:
        rule = "a share of at least 0 and below 1: 0.01 is one point" if is_accuracy(names[0]) else "at least 0"
        raise UsageError(f"--max-loss is {max_loss:g}, but must be {rule}.", "--max-loss")


def _parse_minimums(options: tuple[str, ...], data: "FrontData") -> dict[str, float]:
    directions = {objective.name: objective.maximise for objective in data.objectives}
    minimums: dict[str, float] = {}
    for option in options:
        metric, _, text = option.partition("=")
        if metric not in directions:
            raise UsageError(f"--min {option!r}: the metrics of this search are {', '.join(directions)}.", "--min")
        if not directions[metric]:
            raise UsageError(
                f"--min {option!r}: {metric} is minimised, so this would keep its worst trials: see --format json.",
                "--min",
            )
        if metric in minimums:
            raise UsageError(f"--min {option!r}: {metric} has the minimum {minimums[metric]:g} too; keep one.", "--min")
        minimums[metric] = _parse_minimum(option, metric, text)
    return minimums


def _parse_minimum(option: str, metric: str, text: str) -> float:
    try:
        value = number_from_text(text)
    except ValueError as error:
        raise UsageError(f"--min {option!r} must have the form METRIC=VALUE, as {metric}=0.8.", "--min") from error
    if not math.isfinite(value):
        raise UsageError(f"--min {option!r}: {text} is not finite. Give a number such as {metric}=0.8.", "--min")
    if fault := share_fault(metric, value):
        raise UsageError(f"--min {option!r}: {fault}.", "--min")
    return value
