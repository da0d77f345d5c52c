"""The options of `tuner front` and `tuner confirm` that choose trials from the front."""

from dataclasses import dataclass
from itertools import compress
from typing import TYPE_CHECKING, Annotated

import typer

from training.config.fields import number_from_text
from tuner.errors import UsageError

if TYPE_CHECKING:
    from tuner.report.analysis.front_data import FrontData
    from tuner.report.analysis.wish import Wish


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
        from tuner.report.analysis.wish import Wish, max_loss_fault

        single = tuple(option for option in self.given if option not in {"--min", "--max"})
        if len(single) > 1:
            raise UsageError(f"{' and '.join(single)} each choose one trial: give one of them.", single)
        if self.trial is not None and (self.minimums or self.maximums):
            raise UsageError("--trial chooses a trial whatever its values are: leave out --min and --max.", self.given)
        if self.max_loss is not None and (fault := max_loss_fault(data.objectives, self.max_loss)):
            raise UsageError(f"--max-loss {self.max_loss:g}: {fault}.", "--max-loss")
        minimums = _parse_bounds("--min", self.minimums, data)
        maximums = _parse_bounds("--max", self.maximums, data)
        return Wish(minimums, maximums, knee=self.knee, max_loss=self.max_loss, trial=self.trial)


def _parse_bounds(flag: str, options: tuple[str, ...], data: "FrontData") -> dict[str, float]:
    """Return the values of `--min` or `--max` by metric: an objective, or what a constraint limits."""
    from tuner.report.analysis.wish import metric_fault

    other = "--max" if flag == "--min" else "--min"
    bounds: dict[str, float] = {}
    for option in options:
        metric, _, text = option.partition("=")
        if fault := metric_fault(data, metric, maximise=flag == "--min", other=other):
            raise UsageError(f"{flag} {option!r}: {fault}.", flag)
        if metric in bounds:
            rule = f"{metric} has the bound {bounds[metric]:g} too; keep one"
            raise UsageError(f"{flag} {option!r}: {rule}.", flag)
        bounds[metric] = _parse_bound(flag, option, metric, text)
    return bounds


def _parse_bound(flag: str, option: str, metric: str, text: str) -> float:
    from tuner.report.analysis.wish import bound_fault

    try:
        value = number_from_text(text)
    except ValueError as error:
        raise UsageError(f"{flag} {option!r} must have the form METRIC=VALUE, as {metric}=0.8.", flag) from error
    if fault := bound_fault(metric, value):
        raise UsageError(f"{flag} {option!r}: {fault}.", flag)
    return value
