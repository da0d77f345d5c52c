"""A search on record in Python: its frames, its models, its figures."""

from pathlib import Path
from typing import Any

import pandas as pd
import plotly.graph_objects as go
import pytest
import torch
from finished_search import finish_search
from raises_about import raises_about
from simulated_search import SEARCH, MakeLedger, new_search, small_space, space_mapping
from trained_trials import trained_search

from tuner import load
from tuner.api import Search
from tuner.errors import UsageError
from tuner.search import Search as ProjectSearch
from tuner.space import space_from_mapping


@pytest.fixture
def search(make_ledger: MakeLedger, runs_dir: Path) -> Search:
    finish_search(make_ledger)
    return load(SEARCH, runs_dir=runs_dir)


def test_trials_have_final_values_only_if_they_completed(search: Search) -> None:
    trials = search.trials
    assert list(trials.index) == [0, 1, 2, 3, 4]
    known = ["outcome", "epochs", "natural_accuracy", "pgd_accuracy", "pareto_rank"]
    assert list(trials.columns) == [*known, "alpha", "lambda", "bottleneck", "duration_seconds", "error"]
    assert trials.loc[0, "outcome"] == "failed"
    assert "out of memory" in trials.loc[0, "error"]
    completed = trials["outcome"] == "completed"
    assert completed.any()
    assert trials.loc[completed, ["natural_accuracy", "pgd_accuracy", "pareto_rank"]].notna().all(axis=None)
    assert trials.loc[~completed, ["natural_accuracy", "pgd_accuracy", "pareto_rank"]].isna().all(axis=None)
    assert (trials["duration_seconds"] >= 0).all()


def test_the_front_and_the_reports_agree_with_the_trials(search: Search) -> None:
    front, trials = search.front.frame, search.trials
    assert set(front.index) == set(trials.index[trials["pareto_rank"] == 0])
    last = search.reports.groupby(level="trial").tail(1).droplevel("epoch")
    columns = ["natural_accuracy", "pgd_accuracy"]
    pd.testing.assert_frame_equal(last.loc[front.index, columns], front[columns], check_names=False)
    assert set(search.reports["decision"]) <= {"continue", "stop", "complete"}
    assert search.hypervolume > 0


def test_a_search_without_trials_has_empty_frames(make_ledger: MakeLedger, runs_dir: Path) -> None:
    new_search(make_ledger)
    found = load(SEARCH, runs_dir=runs_dir)
    assert (len(found.trials), len(found.reports), len(found.front), len(found.confirmed)) == (0, 0, 0, 0)
    assert "pgd_accuracy" in found.trials.columns
    for figure in figures(found):
        assert isinstance(figure, go.Figure)


def test_the_figures_are_plotly_figures_of_the_page(search: Search) -> None:
    front, growth, *_ = figures(search)
    assert "Pareto front" in [trace.name for trace in front.data]
    assert growth.data[0].y[-1] == pytest.approx(search.hypervolume)


def test_metrics_of_constraints_have_columns_beside_those_of_the_objectives(
    make_ledger: MakeLedger, runs_dir: Path
) -> None:
    """An objective may have the name of the trials' duration, and a parameter that of a metric."""
    space = small_space(
        objectives={"seconds": {"reference": 100.0}},
        constraints={"gpu_memory": {"at_least": 0.5, "at_most": 2.0}},
        early_stopping={"scheduler": "none"},
        parameters={"gpu_memory": {"key": "beta", "type": "float", "low": 0.01, "high": 0.1}},
    )
    ledger = make_ledger(space)
    running = ProjectSearch(space, ledger)
    for number, (seconds, loss) in enumerate([(4.0, 1.0), (2.0, 3.0)]):
        running.next_assignment()
        metrics = {"natural_accuracy": 0.5, "pgd_accuracy": 0.25, "seconds": seconds, "gpu_memory": loss}
        running.report(number, space.epochs, metrics, None)
    found = load(SEARCH, runs_dir=runs_dir)
    metrics_shown = ["natural_accuracy", "pgd_accuracy", "seconds", "gpu_memory"]
    assert list(found.trials.columns[2:7]) == [*metrics_shown, "pareto_rank"]
    assert found.trials.columns.is_unique
    assert found.trials["seconds"].tolist() == [4.0, 2.0]
    assert found.trials["gpu_memory"].tolist() == [1.0, 3.0]
    assert found.trials["parameters.gpu_memory"].between(0.01, 0.1).all()
    assert list(found.front.frame.columns[:4]) == metrics_shown
    assert list(found.front.frame.index) == [0], "the other is beyond the constraint"


@pytest.mark.parametrize(
    ("objectives", "pairs"),
    [
        ({"pgd_accuracy": {}}, [("Trial", "PGD accuracy (%)")]),
        (
            {"natural_accuracy": {}, "pgd_accuracy": {}, "parameters": {"reference": 900}},
            [
                ("Natural accuracy (%)", "PGD accuracy (%)"),
                ("Natural accuracy (%)", "Parameters"),
                ("PGD accuracy (%)", "Parameters"),
            ],
        ),
    ],
)
def test_every_pair_of_objectives_has_a_figure_of_the_front(
    make_ledger: MakeLedger, runs_dir: Path, objectives: dict[str, Any], pairs: list[tuple[str, str]]
) -> None:
    space = space_from_mapping({**space_mapping(), "objectives": objectives}, "small.yaml")
    running = ProjectSearch(space, make_ledger(space))
    for number in range(3):
        running.next_assignment()
        metrics = {"natural_accuracy": 0.5 + number / 10, "pgd_accuracy": 0.4 - number / 10, "parameters": 100.0}
        running.report(number, space.epochs, metrics, None)
    found = load(SEARCH, runs_dir=runs_dir)
    layouts = [figure.layout for figure in found.front_figures()]
    assert [(layout.xaxis.title.text, layout.yaxis.title.text) for layout in layouts] == pairs
    assert found.front_figure() == found.front_figures()[0]
    for figure in figures(found):
        assert isinstance(figure, go.Figure)


def figures(search: Search) -> list[go.Figure]:
    return [
        search.front_figure(),
        search.growth_figure(),
        search.curves_figure(),
        search.parallel_figure(),
        search.importance_figure(),
    ]


def test_a_model_classifies_images(make_ledger: MakeLedger, runs_dir: Path, tmp_path: Path) -> None:
    trained_search(make_ledger, runs_dir)
    found = load(SEARCH, runs_dir=runs_dir)
    model = found.model(0)
    assert not model.training
    assert model(torch.rand(2, 1, 8, 8)).shape == (2, 10)
    assert (tmp_path / "model" / "weights.pt") in found.export(0, tmp_path / "model")
    with raises_about(UsageError, 9):
        found.model(9)


def test_the_folder_of_all_searches_may_come_from_the_environment(
    search: Search, runs_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TUNER_RUNS_DIR", str(runs_dir))
    assert load(search.name).hypervolume == search.hypervolume
    with raises_about(UsageError, "nobody"):
        load("nobody")
