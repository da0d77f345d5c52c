"""What readers of a search are told if its early epochs have another attack than the last one."""

from dataclasses import replace
from typing import Any

import pytest
from fake_search import search_of, trade_off_trials
from stand_ins import words_in

from tuner.report.analysis.early_attack import early_attack_note
from tuner.report.analysis.text_tables import front_markdown, summary
from tuner.report.web.page import front_html

SEARCH = search_of(trade_off_trials())
NOTHING = search_of([])


@pytest.mark.parametrize(
    ("setting", "steps"),
    [
        ({"eval_attack_steps": 10, "eval_early_attack_steps": 5}, ["5", "10"]),
        ({"eval_early_attack_steps": 2}, ["2", "20"]),
        ({"preset": "mnist_trades", "eval_early_attack_steps": 4}, ["4", "40"]),
    ],
)
def test_both_attacks_are_named_wherever_early_values_are_shown(setting: dict[str, Any], steps: list[str]) -> None:
    for data in (SEARCH, NOTHING):
        told = replace(data, setting=setting)
        (note,) = early_attack_note(told)
        assert words_in(note, steps) == steps
        assert all(note in text for text in (summary(told), front_markdown(told)))
    note, page = early_attack_note(replace(SEARCH, setting=setting))[0], front_html(replace(SEARCH, setting=setting))
    assert page.count(note) == 2  # in the summary, and at the learning curves


@pytest.mark.parametrize("setting", [{}, {"eval_attack_steps": 10, "eval_early_attack_steps": 0}])
def test_one_attack_needs_no_note(setting: dict[str, Any]) -> None:
    assert early_attack_note(replace(SEARCH, setting=setting)) == []
    assert summary(replace(SEARCH, setting=setting)) == summary(SEARCH)
