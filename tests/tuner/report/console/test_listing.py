"""Rows of trials as CSV."""

import csv
import io

import pytest
from fake_search import OBJECTIVES, trial

from tuner.report.console.listing import print_rows, trial_rows


def test_a_parameter_of_later_trials_has_its_column_beside_the_others(capsys: pytest.CaptureFixture[str]) -> None:
    points = [{"objective": "mma", "max_margin": 0.2}, {"objective": "trades", "trades_lambda": 2.0}]
    trials = [trial(number, 0.5, 0.25, parameters=point) for number, point in enumerate(points)]
    print_rows(trial_rows(trials, OBJECTIVES), "csv")
    first, second = csv.DictReader(io.StringIO(capsys.readouterr().out))
    names = [name for name in first if name.startswith("parameters.")]
    assert names == ["parameters.objective", "parameters.max_margin", "parameters.trades_lambda"]
    assert list(first).index("parameters.trades_lambda") < list(first).index("last.pgd_accuracy")
    assert [first[name] for name in names] == ["mma", "0.2", ""]
    assert [second[name] for name in names] == ["trades", "", "2.0"]
