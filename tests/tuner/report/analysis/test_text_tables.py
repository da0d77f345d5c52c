"""Tables of a search, on a terminal and in markdown."""

import re
from dataclasses import replace

import pytest
from fake_search import printed, search_of, trade_off_trials, trial

from tuner.ledger.records import Outcome
from tuner.pareto.objectives import Objective
from tuner.report.analysis.noise_notes import noise_notes
from tuner.report.analysis.text_tables import (
    MARKDOWN_LIMIT,
    front_markdown,
    front_text_table,
    summary,
    trials_text_table,
)
from tuner.report.console.listing import completed_rows
from tuner.report.console.tables import front_table, trials_table


def test_the_front_lists_objectives_in_per_cent_parameters_and_epochs() -> None:
    data = search_of(
        [
            trial(0, 0.8, 0.5, parameters={"alpha": 0.123456}),
            trial(1, 0.9, 0.4, parameters={"depth": 3}),
            trial(2, 0.89, 0.49),
            trial(3, 0.1, 0.1),
        ]
    )
    assert front_text_table(data).headings == ["Trial", "Natural %", "PGD %", "depth", "alpha", "Epochs", ""]
    assert front_text_table(data).rows == [
        ["1", "90.00", "40.00", "3", "–", "120", ""],
        ["2", "89.00", "49.00", "–", "–", "120", "◆ knee"],
        ["0", "80.00", "50.00", "–", "0.1235", "120", ""],
    ]


def test_accuracies_have_their_interval_and_neighbours_that_it_hides_are_marked() -> None:
    trials = [trial(0, 0.9, 0.4), trial(1, 0.89, 0.41), trial(2, 0.5, 0.8)]
    data = replace(search_of(trials), validation_images=100)
    assert [row[:3] for row in front_text_table(data).rows] == [
        ["0", "90.00 ±6.0", "40.00 ±9.4"],
        ["1", "89.00 ±6.2", "41.00 ±9.5"],
        ["2", "50.00 ±9.6", "80.00 ±7.8"],
    ]
    marks = [row[-1] for row in front_text_table(data).rows]
    assert [mark.removeprefix("◆ knee").strip() for mark in marks] == ["≈ 1", "", ""]
    assert "≈ 1 |" in front_markdown(data)
    assert noise_notes(data)[0] in front_markdown(data)
    assert noise_notes(data)[0] in printed(front_table(data), 200)


def test_all_trials_are_listed_by_number_with_their_state() -> None:
    data = search_of(
        [
            trial(3, 0.7, 0.3),
            trial(0, 0.8, 0.4),
            trial(1, 0.5, 0.2, outcome=Outcome.STOPPED, epochs=13),
            trial(2, outcome=Outcome.FAILED),
            trial(4, float("nan"), 0.1),
            trial(5, outcome=Outcome.RUNNING),
        ]
    )
    assert trials_text_table(data).rows == [
        ["0", "front", "80.00", "40.00", "120"],
        ["1", "stopped", "50.00", "20.00", "13"],
        ["2", "failed", "–", "–", "0"],
        ["3", "dominated", "70.00", "30.00", "120"],
        ["4", "no final value", "–", "10.00", "120"],
        ["5", "running", "–", "–", "0"],
    ]


def test_tables_fit_a_narrow_terminal_without_cutting_numbers() -> None:
    data = search_of(trade_off_trials())
    for table, text_table in [
        (front_table(data), front_text_table(data)),
        (trials_table(data), trials_text_table(data)),
    ]:
        lines = printed(table).splitlines()
        assert max(map(len, lines)) <= 80
        words = [line.split() for line in lines]
        assert all(" ".join(row).split() in words for row in text_table.rows)


def left_out(text: str) -> list[str]:
    """Return the columns that the caption of a printed table names as left out."""
    caption = " ".join(text.split()).partition("Left out, ")[2]
    return caption.rpartition(": ")[2].rstrip(".").split(", ") if caption else []


def test_a_terminal_too_narrow_leaves_parameters_out_and_says_which() -> None:
    names = [f"parameter_{letter}" for letter in "abcdef"]
    data = search_of([trial(n, 0.8 + n / 10, 0.5 - n / 10, parameters=dict.fromkeys(names, 1.25e-5)) for n in range(2)])
    text = printed(front_table(data))
    assert left_out(text) == ["parameter_e", "parameter_f"]
    for row in front_text_table(data).rows:
        kept = [*row[:3], *["1.25e-05"] * 4, row[-2], *row[-1].split()]
        assert kept in [line.split() for line in text.splitlines()]


@pytest.mark.parametrize("limit", [None, 0.85])
@pytest.mark.parametrize("width", [*range(40, 100, 3), 10_000])
def test_no_width_loses_a_column_in_silence(width: int, limit: float | None) -> None:
    """With every state and mark: what is not printed is named, and every number that is printed is whole."""
    objectives = (Objective("natural_accuracy", maximise=True, limit=limit), Objective("pgd_accuracy", maximise=True))
    point = {"alpha": 0.05334, "beta": 0.0001634, "lambda": 0.1727, "bottleneck": 128}
    trials = [
        trial(n, natural, 1 - natural, outcome=outcome, parameters=point)
        for n, (natural, outcome) in enumerate(
            [(value, Outcome.COMPLETED) for value in (0.9, 0.88, 0.8)] + [(0.5, outcome) for outcome in Outcome]
        )
    ]
    data = search_of(trials, objectives)
    for table, text_table in [
        (front_table(data), front_text_table(data)),
        (trials_table(data), trials_text_table(data)),
    ]:
        text = printed(table, width)
        assert all(len(line) <= width for line in text.splitlines())
        missing = left_out(text)
        for row in text_table.rows:
            whole = [cell for heading, cell in zip(text_table.headings, row, strict=True) if heading not in missing]
            numbers = [cell for cell in whole if cell[:1].isdigit()]
            lines = [[word for word in line.split() if word[:1].isdigit()] for line in text.splitlines()]
            assert numbers in lines, (width, numbers)


def test_values_in_brackets_are_printed_as_they_are() -> None:
    data = search_of([trial(0, 0.8, 0.5, parameters={"widths": "[16, 32]", "style": "[red]"})])
    assert "[16, 32]" in printed(front_table(data))
    assert "[red]" in printed(trials_table(data))


def test_empty_tables_say_why() -> None:
    data = search_of([])
    for text in (printed(front_table(data)), printed(trials_table(data)), front_markdown(data)):
        assert summary(data) in " ".join(text.split())


def test_markdown_is_a_table_with_a_summary() -> None:
    data = search_of([trial(0, 0.8, 0.5, parameters={"kind": "a|b"}), trial(1, 0.9, 0.4, parameters={"kind": "c"})])
    assert front_markdown(data).splitlines() == [
        summary(data),
        "",
        "| Trial | Natural % | PGD % | kind | Epochs |  |",
        "|---:|---:|---:|---:|---:|---:|",
        "| 1 | 90.00 | 40.00 | c | 120 |  |",
        "| 0 | 80.00 | 50.00 | a\\|b | 120 |  |",
    ]


def test_a_long_front_is_thinned_out_to_fit_a_description() -> None:
    """MLflow 3 refuses a description of more than 8,000 characters."""
    data = search_of([trial(n, n / 2000, 1 - n / 2000, parameters={"seed": n, "note": "x" * 30}) for n in range(1000)])
    text = front_markdown(data)
    assert MARKDOWN_LIMIT / 2 < len(text) < 7500
    rows = [line for line in text.splitlines() if line.startswith("| ")][1:]
    assert rows[0].startswith("| 999 |")
    assert rows[-1].startswith("| 0 |")
    assert all(fact in text.splitlines()[-1] for fact in (f"{1000 - len(rows)} more", "`front.csv`"))


@pytest.mark.parametrize(
    ("classes", "best", "is_noted"),
    [
        (10, 0.12, True),
        (10, 0.5, False),
        (100, 0.012, True),
        (100, 0.12, False),
        (2, 0.54, True),
        (2, 0.6, False),
        (None, 0.12, False),
    ],
)
def test_a_front_at_chance_level_is_no_success(classes: int | None, best: float, is_noted: bool) -> None:
    data = search_of([trial(0, best, 0.1), trial(1, 0.01, 0.2)])
    assert ("chance level" in summary(replace(data, classes=classes))) == is_noted


def test_the_summary_counts_states_with_the_running_ones_last() -> None:
    text = summary(search_of(trade_off_trials()))
    counts = re.findall(r"(\d+) (completed|stopped|failed|running)", text)[:4]
    assert counts == [("14", "completed"), ("13", "stopped"), ("1", "failed"), ("2", "running")]
    assert re.findall(r"[\d.]*\d", text)[4:] == ["10", "14", "0.5010", "0.00", "0.00"]


def test_trials_beyond_a_limit_are_marked_and_stay_on_the_front() -> None:
    limited = (Objective("natural_accuracy", maximise=True, limit=0.85), Objective("pgd_accuracy", maximise=True))
    trials = [trial(0, 0.8, 0.5), trial(1, 0.9, 0.4), trial(2, 0.89, 0.49), trial(3, 0.1, 0.1)]
    data = search_of(trials, limited)
    assert [row[-1] for row in front_text_table(data).rows] == ["", "", "✗ beyond limit"]
    assert [row[1] for row in trials_text_table(data).rows] == [
        "front ✗ beyond limit",
        "front",
        "front",
        "dominated ✗ beyond limit",
    ]
    assert [row["within_limits"] for row in completed_rows(data.front, data.objectives)] == [True, True, False]
    assert data.hypervolume == search_of(trials).hypervolume
    assert "within_limits" not in completed_rows(search_of(trials).front, search_of(trials).objectives)[0]
