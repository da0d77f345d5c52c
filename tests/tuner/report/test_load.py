"""What confirmations measured: read with the search that they come from, and shown beside it."""

import json
import logging
import math
import re
from dataclasses import replace
from pathlib import Path

import pytest
from fake_search import search_of, trial
from simulated_confirmation import SEARCH_ID, TRIALS, confirmation
from simulated_search import frozen_facts, small_space
from test_front_files import traces

from tuner.confirm.table import confirmation_rows, write_confirmation
from tuner.ledger import TrialRecord
from tuner.report.analysis.front_data import FrontData
from tuner.report.analysis.front_points import Confirmed
from tuner.report.figure.confirmed_marks import confirmed_marks, confirmed_text_table
from tuner.report.figure.front_figure import front_figure
from tuner.report.front_files import front_json
from tuner.report.load import best_confirmed, confirmed_trials
from tuner.report.web.page import front_html
from tuner.runs.folder import SearchFolder

PARAMETERS = {
    7: {"alpha": 0.5, "lambda": 4.0, "bottleneck": 8},
    3: {"alpha": 0.25, "lambda": 1.0, "bottleneck": 16},
}
SEARCHED = [trial(number, 0.9, 0.5, parameters=parameters) for number, parameters in PARAMETERS.items()]


@pytest.fixture
def runs_dir(tmp_path: Path) -> Path:
    freeze(tmp_path, "small-1", SEARCH_ID)
    folder = tmp_path / "small-1-confirm"
    folder.mkdir()
    write_confirmation(folder, confirmation(), confirmation_rows(confirmation(), TRIALS))
    return tmp_path


def freeze(runs_dir: Path, name: str, search_id: str) -> None:
    (runs_dir / name).mkdir(exist_ok=True)
    SearchFolder(runs_dir / name).freeze(small_space(), frozen_facts(search_id=search_id))


def confirmed_search(runs_dir: Path, trials: list[TrialRecord]) -> FrontData:
    return replace(search_of(trials), confirmed=confirmed_trials(runs_dir, "small-1"))


def test_the_search_finds_what_was_confirmed_of_its_trials(runs_dir: Path) -> None:
    third, seventh = confirmed_trials(runs_dir, "small-1")
    assert (third.trial, third.seeds, seventh.trial, seventh.seeds) == (3, 1, 7, 2)
    assert (seventh.confirmation, seventh.suite, seventh.retrained) == ("small-1-confirm", "quick", True)
    assert seventh.means["PGD-20"] == pytest.approx(0.45)


def test_a_confirmation_belongs_to_the_search_with_its_id_whatever_the_names(runs_dir: Path) -> None:
    before = confirmed_trials(runs_dir, "small-1")
    (runs_dir / "small-1").rename(runs_dir / "renamed")
    freeze(runs_dir, "small-1", "another search of this name")
    assert confirmed_trials(runs_dir, "renamed") == before
    assert confirmed_trials(runs_dir, "small-1") == ()


@pytest.mark.parametrize(
    "content",
    [
        b"{",
        b"[]",
        b"5",
        b"\xff",
        json.dumps({"search": "small-1", "search_id": SEARCH_ID}).encode(),
        json.dumps({"search_id": SEARCH_ID, "retrain": True, "suite": "quick", "rows": [5]}).encode(),
        json.dumps({"search_id": SEARCH_ID, "retrain": True, "suite": "new", "rows": []}).encode(),
    ],
)
def test_a_damaged_file_is_named_and_left_out(runs_dir: Path, caplog: pytest.LogCaptureFixture, content: bytes) -> None:
    sound = confirmed_trials(runs_dir, "small-1")
    (runs_dir / "damaged").mkdir()
    (runs_dir / "damaged" / "confirmation.json").write_bytes(content)
    with caplog.at_level(logging.WARNING):
        assert confirmed_trials(runs_dir, "small-1") == sound
    (record,) = caplog.records
    assert str(runs_dir / "damaged" / "confirmation.json") in record.message
    assert "\n" not in record.message


def test_the_figure_has_their_means_with_bars_in_per_cent(runs_dir: Path) -> None:
    data = confirmed_search(runs_dir, SEARCHED)
    third, seventh = confirmed_marks(data)
    assert seventh.place == pytest.approx((85, 45))
    # Of two values the sample deviation is their difference by the root of 2.
    assert seventh.deviations == pytest.approx((10 / 2**0.5, 10 / 2**0.5))
    assert all(map(math.isnan, third.deviations))
    assert all(fact in seventh.description[0] for fact in ("trial-0007", "small-1-confirm", "2 seeds", "quick"))
    assert "PGD-20: 45.00 ± 7.07" in seventh.description
    assert seventh.description[-1] == "Warnings: 1"
    assert "Warnings" not in third.description[-1]
    shown = front_figure(data)
    assert shown.x.limits[0] < 80 < shown.x.limits[1], "inside the frame"
    assert ": 2," in shown.notes[-1]
    assert "10" not in shown.notes[-1], "the steps of the search are not known"
    of_ten_steps = replace(data, setting={"eval_attack_steps": 10})
    assert re.findall(r"\d+", front_figure(of_ten_steps).notes[-1])[-2:] == ["20", "10"], "its steps, and the search's"
    drawn = {found.get("name"): found for found in traces(front_html(data))}
    bars = drawn["confirmed on the test set, ± standard deviation"]
    assert bars["y"] == pytest.approx([60, 45])
    assert bars["error_y"]["array"] == [None, pytest.approx(10 / 2**0.5)]


def test_the_axes_hold_the_error_bars(runs_dir: Path) -> None:
    data = confirmed_search(runs_dir, SEARCHED)
    shown = front_figure(data)
    for mark in confirmed_marks(data):
        for x, y in mark.ends:
            assert shown.x.limits[0] <= x <= shown.x.limits[1]
            assert shown.y.limits[0] <= y <= shown.y.limits[1]


def test_page_and_json_have_them_as_numbers(runs_dir: Path) -> None:
    data = confirmed_search(runs_dir, SEARCHED)
    text_table = confirmed_text_table(data)
    measured = ["Natural", "PGD-20", "Worst over attacks"]
    assert text_table.headings == ["Trial", *measured, "Seeds", "Warnings", "Measured", "Confirmation"]
    shown = ["85.00 ± 7.07", "45.00 ± 7.07", "35.00 ± 7.07"]
    assert text_table.rows[1] == ["7", *shown, "2", "1", "trained again, quick", "small-1-confirm"]
    assert "<td>85.00 ± 7.07</td>" in front_html(data)
    assert json.loads(front_json(data))["confirmed"][1]["means"]["PGD-20"] == pytest.approx(0.45)


def test_an_accuracy_that_is_no_number_is_a_gap() -> None:
    means, deviations = {"Natural": 0.9, "PGD-20": math.nan}, {"Natural": None, "PGD-20": math.nan}
    found = Confirmed("c", 7, 2, True, "quick", means, deviations)
    data = replace(search_of(SEARCHED), confirmed=(found,))
    assert json.loads(front_json(data))["confirmed"][0]["means"] == {"Natural": 0.9, "PGD-20": None}
    assert confirmed_text_table(data).rows[0][1:3] == ["90.00", "–"]
    assert confirmed_marks(data) == ()


def test_the_epoch_that_was_measured_is_named(runs_dir: Path) -> None:
    file = runs_dir / "small-1-confirm" / "confirmation.json"
    document = json.loads(file.read_text())
    assert document["select"] == "last"
    file.write_text(json.dumps({**document, "select": "best"}))
    data = confirmed_search(runs_dir, SEARCHED)
    assert "best epoch" in confirmed_text_table(data).rows[1][-2]


def test_a_mean_that_is_no_number_is_read_as_a_gap(runs_dir: Path) -> None:
    file = runs_dir / "small-1-confirm" / "confirmation.json"
    document = json.loads(file.read_text())
    for part in ("means", "deviations"):
        document["rows"][0][part]["PGD-20"] = None
    file.write_text(json.dumps(document))
    data = confirmed_search(runs_dir, SEARCHED)
    assert len(confirmed_marks(data)) == 1
    assert "–" in [row[2] for row in confirmed_text_table(data).rows]


def test_an_unconfirmed_search_says_nothing_of_it() -> None:
    data = search_of(SEARCHED)
    assert confirmed_marks(data) == ()
    assert "onfirmed" not in front_html(data).partition("</script>")[2]


def test_of_several_confirmations_the_one_with_most_seeds_counts() -> None:
    found = [
        Confirmed("c", 7, seeds, retrained, "quick", {}, {}) for seeds, retrained in [(9, False), (2, True), (3, True)]
    ]
    assert best_confirmed(found, 7) == found[2]
    stronger = replace(found[1], suite="standard")
    assert best_confirmed([*found, stronger], 7) == stronger
    assert best_confirmed(found, 8) is None
    named = replace(found[2], suite="standard", attacks=("pgd20",), seeds=9)
    elsewhere = replace(stronger, epsilon=0.2)
    assert best_confirmed([named, elsewhere, *found], 7) == found[2]
