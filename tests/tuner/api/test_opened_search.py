"""A search on record in Python: its frames, its models, its figures."""

from pathlib import Path

import pandas as pd
import plotly.graph_objects as go
import pytest
import torch
from finished_search import finish_search
from raises_about import raises_about
from simulated_search import SEARCH, MakeLedger, new_search
from trained_trials import trained_search

from tuner import load
from tuner.api import Search
from tuner.errors import UsageError


@pytest.fixture
def search(make_ledger: MakeLedger, runs_dir: Path) -> Search:
    finish_search(make_ledger)
    return load(SEARCH, runs_dir=runs_dir)


def test_trials_have_final_values_only_if_they_completed(search: Search) -> None:
    trials = search.trials
    assert list(trials.index) == [0, 1, 2, 3, 4]
    known = ["outcome", "epochs", "natural_accuracy", "pgd_accuracy", "pareto_rank"]
    assert list(trials.columns) == [*known, "alpha", "lambda", "bottleneck", "seconds", "error"]
    assert trials.loc[0, "outcome"] == "failed"
    assert "out of memory" in trials.loc[0, "error"]
    completed = trials["outcome"] == "completed"
    assert completed.any()
    assert trials.loc[completed, ["natural_accuracy", "pgd_accuracy", "pareto_rank"]].notna().all(axis=None)
    assert trials.loc[~completed, ["natural_accuracy", "pgd_accuracy", "pareto_rank"]].isna().all(axis=None)
    assert (trials["seconds"] >= 0).all()


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
