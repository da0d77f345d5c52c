"""Rows of trials as CSV."""

import csv
import io
from dataclasses import replace

import pytest
from fake_search import OBJECTIVES, trial

from training.config import ATTACK_STEPS
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


def test_the_steps_of_the_attack_stand_beside_what_it_measured() -> None:
    plain = trial(0, 0.5, 0.25)
    (report,) = plain.reports
    cheap = replace(plain, reports=(replace(report, metrics={**report.metrics, ATTACK_STEPS: 5.0}),))
    with_steps, without = trial_rows([cheap, plain], OBJECTIVES)
    assert with_steps["last"] == {**without["last"], ATTACK_STEPS: 5.0}
    assert ATTACK_STEPS not in without["last"]
    assert with_steps["final"] == without["final"]
