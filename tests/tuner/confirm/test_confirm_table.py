import csv
import json
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console
from simulated_confirmation import POINTS, TRIALS, confirmation, run

from tuner.confirm.table import (
    confirmation_markdown,
    confirmation_rows,
    confirmation_table,
    confirmation_text_table,
    warning_lines,
    write_confirmation,
)
from tuner.ledger import TrialRecord
from tuner.space import space_from_mapping


def test_trials_of_one_point_are_averaged() -> None:
    first, second = confirmation_rows(confirmation(), TRIALS)
    assert (first.trial, first.seeds, first.parameters, first.warnings) == (7, 2, POINTS[0], 1)
    assert first.means == pytest.approx({"Natural": 0.85, "PGD-20": 0.45, "Worst over attacks": 0.35})
    # Of two values the sample deviation is their difference by the root of 2.
    assert first.deviations["PGD-20"] == pytest.approx(0.1 / 2**0.5)
    assert (second.trial, second.seeds) == (3, 1)
    assert set(second.deviations.values()) == {None}


def test_the_table_is_that_of_the_paper() -> None:
    text_table = confirmation_text_table(confirmation_rows(confirmation(), TRIALS))
    assert text_table.headings == [
        "Trial", "alpha", "lambda", "bottleneck", "Natural", "PGD-20", "Worst over attacks", "Seeds", "Warnings",
    ]  # fmt: skip
    assert text_table.rows[0] == ["7", "0.5", "4", "8", "85.00 ± 7.07", "45.00 ± 7.07", "35.00 ± 7.07", "2", "1"]
    assert text_table.rows[1][4:] == ["80.00", "60.00", "50.00", "1", "0"]
    assert confirmation_text_table([]).rows == []


def test_the_files_hold_the_table(tmp_path: Path) -> None:
    space = confirmation()
    rows = confirmation_rows(space, TRIALS)
    paths = write_confirmation(tmp_path, space, rows)
    assert [path.name for path in paths] == ["confirmation.md", "confirmation.csv", "confirmation.json"]
    text_table = confirmation_text_table(rows)
    assert list(csv.reader(paths[1].read_text().splitlines())) == [text_table.headings, *text_table.rows]
    stored = json.loads(paths[2].read_text())
    assert stored["search"] == "small-1"
    assert stored["rows"][0]["means"]["PGD-20"] == pytest.approx(0.45)
    assert "| 7 | 0.5 | 4 | 8 | 85.00 ± 7.07 |" in paths[0].read_text()
    failed = replace(rows[0], means={**rows[0].means, "PGD-20": float("nan")})
    stored = json.loads(write_confirmation(tmp_path, space, [failed])[2].read_text())
    assert stored["rows"][0]["means"]["PGD-20"] is None, "JSON has no NaN"


def test_a_terminal_shows_attacks_line_by_line_and_no_parameters() -> None:
    console = Console(width=80, color_system=None)
    with console.capture() as capture:
        console.print(confirmation_table(confirmation(), confirmation_rows(confirmation(), TRIALS)))
    shown = capture.get()
    assert all(fact in shown for fact in ("small-1", "quick", "45.00 ± 7.07"))
    assert [line.split()[:2] for line in shown.splitlines() if "Trial" in line] == [["Trial", "7"]]
    assert "lambda" not in shown
    assert max(map(len, shown.splitlines())) <= 80
    assert "C&W" not in shown


def test_a_terminal_says_that_an_attack_without_a_bound_is_no_part_of_the_worst_case() -> None:
    row, *_ = confirmation_rows(confirmation(), TRIALS)
    attacked = replace(row, means={**row.means, "CandW c1": 0.01}, deviations={**row.deviations, "CandW c1": None})
    console = Console(width=80, color_system=None)
    with console.capture() as capture:
        console.print(confirmation_table(confirmation(), [attacked]))
    assert "C&W" in capture.get()


def test_named_attacks_and_their_radius_are_in_the_title(tmp_path: Path) -> None:
    space = confirmation()
    named = space.model_dump(mode="json")
    named["confirm"] |= {"attacks": ["pgd20", "square"], "norm": "l2", "epsilon": 8 / 255}
    space = space_from_mapping(named, "confirmation")
    rows = confirmation_rows(space, TRIALS)
    console = Console(width=80, color_system=None)
    with console.capture() as capture:
        console.print(confirmation_table(space, rows))
    markdown, _, stored = write_confirmation(tmp_path, space, rows)
    for text in (capture.get(), markdown.read_text()):
        assert "attacks pgd20, square" in " ".join(text.split())
        assert "l2 epsilon 0.03137" in " ".join(text.split())
        assert "quick" not in text
    assert json.loads(stored.read_text())["attacks"] == ["pgd20", "square"]


def test_the_last_epoch_is_named_and_its_warnings_are_shown(tmp_path: Path) -> None:
    mapping = confirmation().model_dump(mode="json")
    mapping["trial"]["select"] = "best"
    space = space_from_mapping(mapping, "confirmation")
    (report,) = TRIALS[0].reports
    last = {"test/PGD-20 last epoch": 0.4, "best_epoch": 5.0}
    trial = replace(TRIALS[0], reports=(replace(report, metrics={**report.metrics, **last}),))
    (row,) = confirmation_rows(space, [trial])
    assert row.means["PGD-20 last epoch"] == 0.4
    folder = tmp_path / "evaluations" / "trial-0000"
    folder.mkdir(parents=True)
    for ending in ("", "_last"):
        (folder / f"evaluation{ending}.json").write_text(json.dumps({"warnings": [{"message": f"of{ending}"}]}))
    own = "trial-0000 of the confirmation"
    assert warning_lines(tmp_path) == [f"{own}: of", f"{own}, last epoch: of_last"]
    assert "PGD-20 last epoch" in confirmation_markdown(space, [row])


def as_run_trial(number: int, paper: dict[str, float], theirs: dict[str, float]) -> TrialRecord:
    """Return a measured trial with figures of Table 2."""
    trial = run(number, 0.9, 0.5)
    (report,) = trial.reports
    table_2 = {f"table_2_paper/{name}": value for name, value in paper.items()}
    table_2 |= {f"table_2_as_run/{name}": value for name, value in theirs.items()}
    return replace(trial, reports=(replace(report, metrics={**report.metrics, **table_2}),))


def test_the_suite_as_run_has_a_table_of_differences() -> None:
    trials = [
        as_run_trial(0, {"PGD-20": 0.5}, {"PGD-20": 0.52, "FAB": 0.6}),
        as_run_trial(2, {"PGD-20": 0.4}, {"PGD-20": 0.46, "FAB": 0.5}),
    ]
    (row,) = confirmation_rows(confirmation(), trials)
    pgd, fab = row.compared
    assert pgd.attack == "PGD-20"
    assert [pgd.paper, pgd.as_run] == pytest.approx([0.45, 0.49])
    assert pgd.difference == pytest.approx(0.04)
    assert pgd.deviation == pytest.approx(0.02 * 2**0.5)
    assert fab.as_run == pytest.approx(0.55)
    assert fab.paper is fab.difference is None
    written = confirmation_markdown(confirmation(), [row])
    assert "| PGD-20 | 45.00 | 49.00 | +4.00 ± 2.83 |" in written
    assert "| FAB | - | 55.00 | - |" in written
    assert not confirmation_rows(confirmation(), TRIALS)[0].compared
