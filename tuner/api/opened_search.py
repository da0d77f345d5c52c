"""A search on record, read in Python: its trials and its front as pandas frames, its models, and its figures."""

import os
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
import plotly.graph_objects as go
from torch import nn

from tuner.api.pareto_front import Front
from tuner.export.chosen_model import ChosenModel, load_model
from tuner.export.model_files import write_export
from tuner.ledger import TrialRecord
from tuner.report.analysis.front_data import FrontData
from tuner.report.analysis.front_points import CompletedTrial
from tuner.report.analysis.parameter_effects import importances
from tuner.report.analysis.progress_curves import curves, growth_by_epochs
from tuner.report.figure.front_figure import front_figure, further_figures
from tuner.report.load import load_search
from tuner.report.web.plotly_front import Drawn, plot_front
from tuner.report.web.plotly_search import plot_curves, plot_growth, plot_importances, plot_parallel
from tuner.runs.mirror import open_runs
from tuner.space import Space

_FRONT_HEIGHT, _HEIGHT = 600, 420
# The columns of all trials before the final values, and after the parameters.
_BEFORE, _AFTER = ("outcome", "epochs"), ("duration_seconds", "error")


def load(name: str, *, runs_dir: str | Path | None = None, ledger: str | None = None) -> "Search":
    """Return the search of this name as it is now; call it again to see what a running one has done since.

    `runs_dir` and `ledger` are as for `run`. Raise UsageError if there is no such search.
    """
    place = opened_runs(runs_dir)
    url = ledger or os.environ.get("TUNER_LEDGER")
    found = load_search(place, name, url)
    return Search(found.space, found.data, place, url)


def opened_runs(runs_dir: str | Path | None) -> Path:
    """Return the folder of all searches: by default that of the variable TUNER_RUNS_DIR, or `runs`."""
    return open_runs(runs_dir or os.environ.get("TUNER_RUNS_DIR") or "runs")


@dataclass(frozen=True)
class Search:
    """A search at one moment. `data` has everything that the tables and figures show."""

    space: Space
    data: FrontData
    _runs_dir: Path
    _ledger: str | None

    @property
    def name(self) -> str:
        """The name of the search."""
        return self.data.search

    @property
    def hypervolume(self) -> float:
        """The hypervolume of the front, from the reference point of the space."""
        return self.data.hypervolume

    @property
    def front(self) -> Front:
        """The Pareto front: `front.frame`, `front.knee()`, `front.at_least(natural_accuracy=0.9)`."""
        return Front(self.data)

    @cached_property
    def trials(self) -> pd.DataFrame:
        """A row for each trial, by its number: outcome, epochs, final values, parameters, duration, and error.

        The final values are of the objectives and of what constraints limit. Only a completed trial has them; what the
        others measured is in `reports`. `pareto_rank` counts the fronts from 0, the Pareto front. `duration_seconds` is
        from the start of the trial to its end. A parameter with the name of another column is called `parameters.NAME`.
        With `reseed: front` a trial whose point was trained again has the means over its trainings, and a repeat its
        own values.
        """
        points = {point.number: point for point in (*self.data.points, *self.data.repeats)}
        known = [*_BEFORE, *self.data.metric_names, "pareto_rank"]
        rows = [_row(record, points.get(record.number), {*known, *_AFTER}) for record in self.data.records]
        parameters = dict.fromkeys(name for row in rows for name in row if name not in {*known, *_AFTER})
        index = pd.Index([record.number for record in self.data.records], name="trial")
        return pd.DataFrame(rows, index=index, columns=[*known, *parameters, *_AFTER]).astype({"pareto_rank": "Int64"})

    @cached_property
    def reports(self) -> pd.DataFrame:
        """A row for each epoch of each trial, by (trial, epoch): every metric, and the decision on the report."""
        found = [(record.number, report) for record in self.data.records for report in record.reports]
        places = [[number for number, _ in found], [report.epoch for _, report in found]]
        index = pd.MultiIndex.from_arrays(places, names=["trial", "epoch"])
        return pd.DataFrame([{**report.metrics, "decision": report.decision.value} for _, report in found], index=index)

    @cached_property
    def confirmed(self) -> pd.DataFrame:
        """A row for each trial, confirmation and attack: mean and deviation over the seeds on the test set."""
        columns = ["trial", "confirmation", "seeds", "attack", "mean", "deviation"]
        rows = [
            (found.trial, found.confirmation, found.seeds, attack, mean, found.deviations[attack])
            for found in self.data.confirmed
            for attack, mean in found.means.items()
        ]
        return pd.DataFrame(rows, columns=columns)

    def model(self, trial: int, *, epoch: int | None = None, data_root: str | Path | None = None) -> nn.Module:
        """Return the classifier of a trial with the weights of its last checkpoint, in eval mode on the CPU.

        It takes images (batch, channels, height, width) in [0, 1] and returns logits (batch, classes). With `epoch` it
        has the weights of that epoch: with `candidates: every_evaluation` those of the front are kept. `data_root` is
        the folder of the data set, if it was moved. Raise UsageError if weights or data are missing.
        """
        return self._chosen(trial, epoch, data_root).model.classifier

    def export(
        self, trial: int, out: str | Path, *, epoch: int | None = None, data_root: str | Path | None = None
    ) -> list[Path]:
        """Write the model of a trial into a folder, as `tuner export` does, and return the paths of the files."""
        chosen = self._chosen(trial, epoch, data_root)
        return write_export(Path(out), chosen.model, chosen.origin)

    def front_figure(self) -> go.Figure:
        """Return the front with all trials in the first two objectives, or by trial in a single one."""
        return self.front_figures()[0]

    def front_figures(self) -> list[go.Figure]:
        """Return the front in each pair of objectives: three figures for three objectives, one for one or two.

        The front is always that of all objectives; the line is the best that it reaches in the two.
        """
        shown = (front_figure(self.data), *further_figures(self.data))
        return [_figure(plot_front(each), _FRONT_HEIGHT) for each in shown]

    def growth_figure(self) -> go.Figure:
        """Return the hypervolume over the epochs of all trials."""
        return _figure(plot_growth({self.name: growth_by_epochs(self.data)}))

    def curves_figure(self) -> go.Figure:
        """Return the learning curves of the front and of other trials, a panel for each objective."""
        names = [objective.name for objective in self.data.objectives]
        return _figure(plot_curves(curves(self.data), names))

    def parallel_figure(self) -> go.Figure:
        """Return a line for each completed trial through its parameters and objectives."""
        return _figure(plot_parallel(self.data))

    def importance_figure(self) -> go.Figure:
        """Return how much each parameter explains of each objective, over the completed trials."""
        return _figure(plot_importances(importances(self.data)))

    def _chosen(self, trial: int, epoch: int | None, data_root: str | Path | None) -> ChosenModel:
        moved = None if data_root is None else Path(data_root)
        return load_model(self.name, trial, self._runs_dir, self._ledger, moved, epoch=epoch)

    def _repr_html_(self) -> str:
        """Return what a notebook shows: the table of all trials."""
        html: str = self.trials.to_html()
        return html


def _row(record: TrialRecord, point: CompletedTrial | None, taken: Collection[str]) -> dict[str, Any]:
    """Return a trial as a row of `Search.trials`; `point` are its final values, `taken` the names of other columns."""
    return {
        "outcome": record.outcome.value,
        "epochs": record.epochs_trained,
        **({} if point is None else {**point.metrics, "pareto_rank": point.pareto_rank}),
        **{f"parameters.{name}" if name in taken else name: value for name, value in record.parameters.items()},
        "duration_seconds": None if record.ended is None else record.ended - record.started,
        "error": record.error,
    }


def _figure(drawn: Drawn, height: int = _HEIGHT) -> go.Figure:
    return go.Figure(drawn).update_layout(height=height)
