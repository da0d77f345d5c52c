"""The Pareto front of a search in Python: as a pandas frame, and the choices from it."""

from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd

from training.config import share_fault
from tuner.errors import UsageError
from tuner.report.analysis.front_data import CompletedTrial, FrontData
from tuner.report.analysis.selection import Selection, Wish, choose
from tuner.report.analysis.text_tables import parameter_names


@dataclass(frozen=True, slots=True)
class Choice:
    """A trial that was chosen from a front: its final values on the validation split, and a sentence that says why."""

    trial: int
    metrics: dict[str, float]
    parameters: dict[str, Any]
    reason: str


@dataclass(frozen=True)
class Front:
    """The completed trials that no other one beats in every objective, or those of them that meet some minimums."""

    _data: FrontData
    _minimums: dict[str, float] = field(default_factory=dict)

    @property
    def frame(self) -> pd.DataFrame:
        """A row for each trial, by its number, from the best to the worst in the first objective.

        The columns are the objectives in their own units, the parameters, and `epochs`; an accuracy is a share.
        """
        points = choose(self._data, Wish(self._minimums)).trials
        metrics, parameters = [o.name for o in self._data.objectives], parameter_names(points)
        rows = [_row(point, metrics, parameters) for point in points]
        index = pd.Index([point.number for point in points], name="trial")
        return pd.DataFrame(rows, index=index, columns=[*metrics, *parameters, "epochs"])

    def __len__(self) -> int:
        return len(choose(self._data, Wish(self._minimums)).trials)

    def at_least(self, **minimums: float) -> "Front":
        """Return the part of the front with at least these values, such as `natural_accuracy=0.9`.

        Raise UsageError for a metric that is no maximised objective, and for an accuracy that is no share.
        """
        for name, value in minimums.items():
            self._check_minimum(name, value)
        return replace(self, _minimums={**self._minimums, **minimums})

    def knee(self) -> Choice:
        """Return the knee of the front, the best compromise. Raise UsageError with the reason if there is none."""
        return self._one(Wish(self._minimums, knee=True))

    def most_robust(self, max_loss: float) -> Choice:
        """Return the best trial in the last objective among those that lose at most `max_loss` of the first one.

        With accuracies 0.01 is one point. Raise UsageError with the reason if there is none.
        """
        if len(self._data.objectives) == 1 or not max_loss >= 0:
            rule = "needs two objectives and a max_loss of at least 0"
            raise UsageError(f"most_robust({max_loss}) {rule}.", "max_loss")
        return self._one(Wish(self._minimums, max_loss=max_loss))

    def _one(self, wish: Wish) -> Choice:
        selection: Selection = choose(self._data, wish)
        if not selection.trials:
            raise UsageError(" ".join(selection.reasons), self._data.search)
        point = selection.trials[0]
        return Choice(point.number, point.metrics, point.parameters, " ".join(selection.reasons))

    def _check_minimum(self, name: str, value: float) -> None:
        maximised = [objective.name for objective in self._data.objectives if objective.maximise]
        if name not in maximised:
            raise UsageError(f"at_least({name}={value:g}): the maximised objectives are {', '.join(maximised)}.", name)
        if fault := share_fault(name, value):
            raise UsageError(f"at_least({name}={value:g}): {fault}.", name)

    def _repr_html_(self) -> str:
        """Return the table that a notebook shows."""
        html: str = self.frame.to_html()
        return html


def _row(point: CompletedTrial, metrics: list[str], parameters: list[str]) -> list[Any]:
    return [*(point.metrics[n] for n in metrics), *(point.parameters.get(n) for n in parameters), point.epochs]
