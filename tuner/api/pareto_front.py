"""The Pareto front of a search in Python: as a pandas frame, and the choices from it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd

from tuner.errors import UsageError
from tuner.report.analysis.front_data import FrontData
from tuner.report.analysis.front_points import CompletedTrial
from tuner.report.analysis.selection import Selection, choose
from tuner.report.analysis.text_tables import parameter_names
from tuner.report.analysis.wish import Wish, bound_fault, max_loss_fault, metric_fault


@dataclass(frozen=True, slots=True)
class Choice:
    """A trial that was chosen from a front: its values on the validation split, and a sentence that says why.

    The values are final ones, or with `candidates: every_evaluation` those of the `epoch`.
    """

    trial: int
    metrics: dict[str, float]
    parameters: dict[str, Any]
    reason: str
    epoch: int | None = None


@dataclass(frozen=True)
class Front:
    """The completed trials that no other one beats in every objective, or those of them that keep to some bounds.

    With `candidates: every_evaluation` these are epochs of trials.
    """

    _data: FrontData
    _wish: Wish = field(default_factory=Wish)

    @property
    def frame(self) -> pd.DataFrame:
        """A row for each trial, by its number, from the best to the worst in the first objective.

        The columns are the objectives and what constraints limit, in their own units, the parameters, and `epochs`; an
        accuracy is a share. With `candidates: every_evaluation` a row is an epoch of a trial, by (trial, epoch).
        """
        points = choose(self._data, self._wish).trials
        metrics, parameters = self._data.metric_names, parameter_names(points)
        rows = [_row(point, metrics, parameters) for point in points]
        index = pd.Index([point.number for point in points], name="trial")
        if self._data.every_epoch:
            places = [[point.number for point in points], [point.epoch for point in points]]
            index = pd.MultiIndex.from_arrays(places, names=["trial", "epoch"])
        return pd.DataFrame(rows, index=index, columns=[*metrics, *parameters, "epochs"])

    def __len__(self) -> int:
        return len(choose(self._data, self._wish).trials)

    def at_least(self, **minimums: float) -> "Front":
        """Return the part of the front with at least these values, such as `natural_accuracy=0.9`.

        Raise UsageError for a metric that is no maximised objective and that no constraint limits, and for an accuracy
        that is no share.
        """
        self._check("at_least", minimums, "at_most")
        kept = self._wish.minimums
        narrowed = {name: max(value, kept.get(name, value)) for name, value in minimums.items()}
        return replace(self, _wish=replace(self._wish, minimums={**kept, **narrowed}))

    def at_most(self, **maximums: float) -> "Front":
        """Return the part of the front with at most these values, such as `parameters=500_000`.

        Raise UsageError for a metric that is no minimised objective and that no constraint limits, and for an accuracy
        that is no share.
        """
        self._check("at_most", maximums, "at_least")
        kept = self._wish.maximums
        narrowed = {name: min(value, kept.get(name, value)) for name, value in maximums.items()}
        return replace(self, _wish=replace(self._wish, maximums={**kept, **narrowed}))

    def knee(self) -> Choice:
        """Return the knee of the front, the best compromise. Raise UsageError with the reason if there is none."""
        return self._one(replace(self._wish, knee=True))

    def most_robust(self, max_loss: float) -> Choice:
        """Return the most robust trial among those that lose at most `max_loss` of the best natural accuracy.

        0.01 is one point. The last of the other accuracies says how robust a trial is. A search without accuracies
        loses its first objective and gains in its last one. Raise UsageError with the reason if there is no such trial.
        """
        if fault := max_loss_fault(self._data.objectives, max_loss):
            raise UsageError(f"most_robust({max_loss:g}): {fault}.", "max_loss")
        return self._one(replace(self._wish, max_loss=max_loss))

    def _one(self, wish: Wish) -> Choice:
        selection: Selection = choose(self._data, wish)
        if not selection.trials:
            raise UsageError(" ".join(selection.reasons), self._data.search)
        point = selection.trials[0]
        return Choice(point.number, point.metrics, point.parameters, " ".join(selection.reasons), point.epoch)

    def _check(self, call: str, bounds: Mapping[str, float], other: str) -> None:
        """Raise UsageError for a bound that the front cannot have."""
        for name, value in bounds.items():
            fault = metric_fault(self._data, name, maximise=call == "at_least", other=other) or bound_fault(name, value)
            if fault:
                raise UsageError(f"{call}({name}={value:g}): {fault}.", name)

    def _repr_html_(self) -> str:
        """Return the table that a notebook shows."""
        html: str = self.frame.to_html()
        return html


def _row(point: CompletedTrial, metrics: list[str], parameters: list[str]) -> list[Any]:
    return [*(point.metrics[n] for n in metrics), *(point.parameters.get(n) for n in parameters), point.epochs]
