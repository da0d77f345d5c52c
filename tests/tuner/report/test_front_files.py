"""The files of a front: what they hold, that they agree, and that they are replaced whole."""

import csv
import json
import math
import re
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import plotly.graph_objects as go
import pytest
from fake_search import OBJECTIVES, search_of, search_of_epochs, trade_off_trials, trial

from tuner.ledger.records import Outcome
from tuner.pareto.objectives import Objective
from tuner.report.analysis.text_tables import front_text_table, summary
from tuner.report.figure.front_figure import front_figure
from tuner.report.front_files import front_csv, front_json, write_front_files
from tuner.report.image import front_pictures
from tuner.report.web.page import front_html

SECONDS = Objective("autoattack_accuracy", maximise=False)
SEARCHES = {
    "nothing": search_of([]),
    "running": search_of([trial(0, 0.3, 0.2, outcome=Outcome.RUNNING, epochs=1), trial(1)]),
    "one": search_of([trial(0, 0.8, 0.5, parameters={"alpha": 0.5})]),
    "two": search_of([trial(0, 0.8, 0.5, parameters={"alpha": 0.5}), trial(1, 0.9, 0.4, parameters={"depth": 3})]),
    "equal": search_of([trial(n, 0.8, 0.5, parameters={"lambda": 10.0**n}) for n in range(4)]),
    "partly coloured": search_of([trial(n, 0.8, 0.5, parameters={"lambda": n} if n else {}) for n in range(4)]),
    "one objective": search_of(trade_off_trials(), OBJECTIVES[:1]),
    "three objectives": search_of([trial(n, 0.8, 0.5, 0.1 * n) for n in range(4)], [*OBJECTIVES, SECONDS]),
    "third objective not finite": search_of(
        [trial(0, 0.8, 0.5, float("nan")), trial(1, 0.9, 0.4, 0.1)], [*OBJECTIVES, SECONDS]
    ),
    "failed and not finite": search_of(
        [
            trial(0, outcome=Outcome.FAILED),
            trial(1, float("nan"), 0.2),
            trial(2, 0.5, float("inf"), outcome=Outcome.STOPPED, epochs=2),
            trial(3, 0.5, 0.5),
        ]
    ),
    "usual": search_of(trade_off_trials()),
    "every epoch": search_of_epochs(),
}


@pytest.mark.parametrize("name", SEARCHES)
def test_all_five_files_are_written_for_any_search(name: str, tmp_path: Path) -> None:
    paths = write_front_files(tmp_path / "new" / "folder", SEARCHES[name])
    assert [path.name for path in paths] == ["front.csv", "front.json", "front.html", "front.png", "front.svg"]
    assert sorted(path.name for path in (tmp_path / "new" / "folder").iterdir()) == sorted(p.name for p in paths)
    assert all(path.stat().st_size > 0 for path in paths)


def test_the_last_epoch_stands_beside_the_best_one() -> None:
    best = trial(0, 0.8, 0.5, parameters={"alpha": 0.5})
    (report,) = best.reports
    values = {"best_epoch": 76.0, "last/natural_accuracy": 0.82, "last/pgd_accuracy": 0.44, "selection_accuracy": 0.51}
    data = search_of([replace(best, reports=(replace(report, metrics={**report.metrics, **values}),))])
    (row,) = csv.DictReader(front_csv(data).splitlines())
    assert (row["best_epoch"], row["last/natural_accuracy"], row["last/pgd_accuracy"]) == ("76", "0.82", "0.44")
    (point,) = json.loads(front_json(data))["front"]
    assert point["metrics"] == {"natural_accuracy": 0.8, "pgd_accuracy": 0.5}
    assert (point["best_epoch"], point["last"]) == (76, {"natural_accuracy": 0.82, "pgd_accuracy": 0.44})
    table = front_text_table(data)
    (cells,) = table.rows
    shown = dict(zip(table.headings, cells, strict=True))
    assert [shown[name] for name in ("Best epoch", "Last Natural %", "Last PGD %")] == ["76", "82.00", "44.00"]
    only_last = SEARCHES["one"]
    assert front_csv(only_last).splitlines()[0] == "trial,natural_accuracy,pgd_accuracy,alpha,epochs"
    assert "last" not in json.loads(front_json(only_last))["front"][0]
    assert "Best epoch" not in front_text_table(only_last).headings


def test_csv_holds_the_front_unrounded() -> None:
    data = search_of(
        [
            trial(0, 0.81234567, 0.5, parameters={"alpha": 0.1}),
            trial(1, 0.9, 0.4, parameters={"depth": 3}),
            trial(2, 0.7, 0.3, parameters={"width": 8}),
        ]
    )
    rows = list(csv.reader(front_csv(data).splitlines()))
    assert rows == [
        ["trial", "natural_accuracy", "pgd_accuracy", "depth", "alpha", "epochs"],
        ["1", "0.9", "0.4", "3", "", "120"],
        ["0", "0.81234567", "0.5", "", "0.1", "120"],
    ]


def test_csv_quotes_what_needs_it() -> None:
    data = search_of([trial(0, 0.8, 0.5, parameters={"optimiser": 'sgd, "nesterov"\nlong'})])
    row = next(csv.DictReader(front_csv(data).splitlines(keepends=True)))
    assert row["optimiser"] == 'sgd, "nesterov"\nlong'


def test_json_holds_front_dominated_counts_and_hypervolume() -> None:
    data = SEARCHES["usual"]
    document = json.loads(front_json(data))
    assert [entry["trial"] for entry in document["front"]] == [point.number for point in data.front]
    assert [entry["trial"] for entry in document["dominated"]] == [point.number for point in data.dominated]
    assert document["front"][0]["metrics"] == data.front[0].metrics
    assert document["front"][0]["parameters"] == data.front[0].parameters
    assert document["counts"] == {"completed": 14, "stopped": 13, "failed": 1, "interrupted": 0, "running": 2}
    assert document["hypervolume"] == data.hypervolume
    assert document["knee"] == data.knee
    assert document["objectives"][1] == {"name": "pgd_accuracy", "direction": "maximize"}


def test_json_holds_the_intervals_of_the_accuracies() -> None:
    data = replace(search_of([trial(0, 0.8, 0.4)]), validation_images=100)
    (point,) = json.loads(front_json(data))["front"]
    assert point["intervals"]["pgd_accuracy"] == pytest.approx([0.3094, 0.4980], abs=1e-4)
    assert json.loads(front_json(SEARCHES["usual"]))["front"][0]["intervals"] == {}


def embedded(page: str, attribute: str = "data-figure") -> dict[str, Any]:
    """Read the JSON of a page's script elements with this attribute, by its value, as the page's script does."""
    found = re.findall(rf'<script type="application/json" {attribute}="([\w-]+)">(.*?)</script>', page, re.DOTALL)
    return {key: json.loads(text) for key, text in found}


def traces(page: str, key: str = "front") -> list[dict[str, Any]]:
    """Return the data of a figure of the page."""
    found = embedded(page)[key]["data"]
    assert isinstance(found, list)
    return found


def plotly_figures(page: str) -> dict[str, go.Figure]:
    """Return all figures of a page by their ids; raise ValueError if plotly's own check refuses one."""
    return {key: go.Figure(found["data"], found["layout"]) for key, found in embedded(page).items()}


@pytest.mark.parametrize("name", SEARCHES)
def test_plotly_accepts_every_figure_of_a_page(name: str) -> None:
    figures = plotly_figures(front_html(SEARCHES[name]))
    assert ("front" in figures) == (name != "nothing")
    if name == "usual":
        assert figures.keys() == {"front", "growth", "curves", "parallel", "importance"}
        assert figures["curves"].layout.xaxis2.domain[1] == 1
        assert figures["curves"].layout.yaxis2.title.text == "PGD accuracy (%)"


def test_the_page_draws_the_front_with_hover_text() -> None:
    data = SEARCHES["usual"]
    by_name = {trace.get("name"): trace for trace in traces(front_html(data))}
    front = by_name["Pareto front"]
    assert front["text"][0].startswith("trial-0023<br>Natural accuracy (%): 94.15<br>PGD accuracy (%): 33.71")
    assert len(by_name["stopped at epoch 13"]["x"]) + len(by_name["stopped at epoch 40"]["x"]) == 13
    assert by_name[f"knee: trial-{data.knee:04d}"]["x"][0] in front["x"]


def test_the_page_shows_growth_curves_parameters_and_importance() -> None:
    data = SEARCHES["usual"]
    page = front_html(data)
    assert traces(page, "growth")[0]["y"][-1] == data.hypervolume
    others, front, stops = traces(page, "curves")[:3]
    on_front = {point.number for point in data.front}
    for drawn, records in (
        (front, [record for record in data.records if record.number in on_front]),
        (others, [record for record in data.records if record.number not in on_front]),
    ):
        reports = [report for record in records for report in (*record.reports, None)]  # a gap after each curve
        assert drawn["x"] == [report and report.epoch for report in reports]
        assert drawn["y"] == [report and pytest.approx(100 * report.metrics["natural_accuracy"]) for report in reports]
        assert drawn["text"][::2] == [f"trial-{record.number:04d}, {record.outcome}" for record in records]
    assert len(stops["x"]) == data.counts[Outcome.STOPPED]
    (parallel,) = traces(page, "parallel")
    assert [d["label"] for d in parallel["dimensions"]][-2:] == ["Natural accuracy (%)", "PGD accuracy (%)"]
    assert {bar["name"] for bar in traces(page, "importance")} == {"Natural accuracy (%)", "PGD accuracy (%)"}
    assert page.count("plotly.js v") == front_html(SEARCHES["one"]).count("plotly.js v")


def test_the_page_has_the_commands_for_a_trial_of_each_outcome() -> None:
    page = front_html(replace(SEARCHES["usual"], runs_flag=" --runs-dir /elsewhere"))
    found = re.search(r'<script type="application/json" id="commands">(.*?)</script>', page)
    assert found
    commands = json.loads(found[1])
    number, completed = commands["slots"]["number"], list(commands["byOutcome"]["completed"])
    assert [command.split()[1] for command in completed] == ["export", "confirm", "register", "show"]
    assert all(number in command and command.endswith(" --runs-dir /elsewhere") for command in completed)
    assert [command.split()[1] for command in commands["byOutcome"]["stopped"]] == ["export", "show"]


def test_every_drawn_trial_can_be_chosen() -> None:
    data = SEARCHES["usual"]
    marks = [mark for found in traces(front_html(data)) for mark in found.get("customdata", []) if "meta" in found]
    assert dict(marks) == {record.number: record.epochs_trained for record in data.records}


def test_thousands_of_trials_are_drawn_by_webgl() -> None:
    stopped = [trial(n, 0.5, n / 5000, outcome=Outcome.STOPPED, epochs=13) for n in range(2000)]
    kinds = {
        found.get("name"): found["type"] for found in traces(front_html(search_of([trial(2000, 0.6, 0.5), *stopped])))
    }
    assert (kinds["stopped at epoch 13"], kinds["Pareto front"]) == ("scattergl", "scatter")


def test_points_have_the_noise_of_their_trainings_as_bars() -> None:
    usual = SEARCHES["usual"]
    first = usual.front[0]
    candidates = tuple(replace(p, repeats=(90, 91, 92)) if p is first else p for p in usual.candidates)
    noisy = replace(usual, candidates=candidates, seed_noise={"natural_accuracy": 0.004})
    front = next(found for found in traces(front_html(noisy)) if found.get("name") == "Pareto front")
    bars = [0.2 if point.number == first.number else 0.4 for point in noisy.front]
    assert front["error_x"]["array"] == pytest.approx(bars), "the mean of four trainings has half of it"
    assert "error_y" not in front
    assert "error_x" not in next(t for t in traces(front_html(SEARCHES["usual"])) if t.get("name") == "Pareto front")


def test_the_page_needs_no_network_and_offers_no_upload() -> None:
    page = front_html(SEARCHES["usual"])
    assert "plotly.js v" in page
    assert not re.search(r'<(script|link|img)[^>]+(src|href)="', page)
    assert "showSendToCloud: false" in page


def test_names_and_values_are_escaped_in_the_page() -> None:
    trials = [trial(n, 0.8, 0.5 + n / 10, parameters={"<i>x": "</script><b>"}) for n in range(2)]
    page = front_html(search_of(trials))
    hover_text = next(trace["text"][0] for trace in traces(page) if trace.get("name") == "Pareto front")
    assert "<br>&lt;i&gt;x: &lt;/script&gt;&lt;b&gt;<br>" in hover_text
    assert "&lt;i&gt;x" in page


def test_a_page_without_trials_has_no_empty_axes() -> None:
    page = front_html(SEARCHES["nothing"])
    assert "plotly.js v" not in page
    assert embedded(page) == {}
    assert summary(SEARCHES["nothing"]) in page


@pytest.mark.parametrize("name", SEARCHES)
def test_the_picture_is_1200_by_800_pixels_or_has_three_panels_and_the_svg_has_its_shape(name: str) -> None:
    pictures = front_pictures(SEARCHES[name])
    width, height = (1200, 800) if len(SEARCHES[name].objectives) < 3 else (1840, 720)
    assert pictures["png"].startswith(b"\x89PNG")
    assert struct.unpack(">II", pictures["png"][16:24]) == (width, height)
    root = ET.fromstring(pictures["svg"])
    shape = [float(root.attrib[side].removesuffix("pt")) for side in ("width", "height")]
    assert shape == pytest.approx([72 / 150 * width, 72 / 150 * height])


def test_the_same_search_is_the_same_picture() -> None:
    assert front_pictures(SEARCHES["usual"]) == front_pictures(SEARCHES["usual"])


def test_thousands_of_stopped_trials_are_a_bitmap_in_the_svg() -> None:
    stopped = [trial(n, 0.5, n / 5000, outcome=Outcome.STOPPED, epochs=13) for n in range(2000)]
    content = front_pictures(search_of([trial(2000, 0.6, 0.5), *stopped]))["svg"]
    assert b"<image" in content
    assert len(content) < 1_000_000


def test_names_are_not_read_as_mathematics() -> None:
    """Matplotlib would refuse to draw this formula."""
    data = search_of([trial(n, 0.8, 0.5, parameters={"$lr_{$": 1.0 + n}) for n in range(2)])
    assert front_pictures(replace(data, search="$x^{$"))["png"].startswith(b"\x89PNG")


def test_a_reader_of_the_old_file_keeps_it_whole(tmp_path: Path) -> None:
    write_front_files(tmp_path, SEARCHES["one"])
    with (tmp_path / "front.json").open() as reader:
        write_front_files(tmp_path, SEARCHES["usual"])
        assert reader.read() == front_json(SEARCHES["one"])
    assert (tmp_path / "front.json").read_text() == front_json(SEARCHES["usual"])


def test_nothing_is_written_if_a_figure_cannot_be_drawn(tmp_path: Path) -> None:
    shown = front_figure(SEARCHES["one"])
    endless = replace(shown, x=replace(shown.x, limits=(0.0, math.inf)))
    with pytest.raises(ValueError, match="Inf"):
        write_front_files(tmp_path, SEARCHES["one"], endless)
    assert list(tmp_path.iterdir()) == []


def test_files_and_page_say_which_epoch_a_point_is_of() -> None:
    data = SEARCHES["every epoch"]
    front = [(point.number, point.epoch) for point in data.front]
    assert len({number for number, _ in front}) < len(front), "some trial has several points"
    rows = list(csv.DictReader(front_csv(data).splitlines()))
    assert [(int(row["trial"]), int(row["epoch"])) for row in rows] == front
    stored = json.loads(front_json(data))
    assert [(point["trial"], point["epoch"]) for point in stored["front"]] == front
    assert (stored["knee"], stored["knee_epoch"]) == (data.knee, data.knee_epoch)
    table = front_text_table(data)
    assert [(int(row[0]), int(row[1])) for row in table.rows] == front
    page = front_html(data)
    assert re.findall(r'<td><a href="#trial-(\d+)-epoch-(\d+)">', page) == [(str(n), str(e)) for n, e in front]


def test_every_epoch_of_a_page_can_be_chosen_and_has_commands() -> None:
    data = SEARCHES["every epoch"]
    page = front_html(data)
    marks = {
        found["meta"]["outcome"]: found["customdata"]
        for found in traces(page)
        if "meta" in found and found["name"] == "Pareto front"
    }
    assert marks == {"epoch": [[f"{point.number}-epoch-{point.epoch}", point.epoch] for point in data.front]}
    drawn = [mark[0] for found in traces(page) for mark in found.get("customdata", []) if "meta" in found]
    knee = f"{data.knee}-epoch-{data.knee_epoch}"
    assert sorted(drawn) == sorted({*drawn}) or sorted(drawn) == sorted([*{*drawn}, knee]), "the knee has two marks"
    found = re.search(r'<script type="application/json" id="commands">(.*?)</script>', page)
    assert found
    commands = json.loads(found[1])
    of_epoch = [command.split() for command in commands["byOutcome"]["epoch"]]
    assert [words[1] for words in of_epoch] == ["export", "confirm", "register", "show"]
    assert all(words[words.index("--epoch") + 1] == commands["slots"]["epoch"] for words in of_epoch[:3])
