"""One search read in several places: their numbers are the same."""

import csv
import json
import re

from fake_search import search_of, trade_off_trials
from test_front_files import traces

from tuner.report.analysis.front_points import CompletedTrial
from tuner.report.analysis.text_tables import front_markdown, front_text_table
from tuner.report.console.listing import completed_rows
from tuner.report.figure.front_figure import front_figure
from tuner.report.front_files import front_csv, front_json
from tuner.report.text import format_metric
from tuner.report.web.page import front_html

DATA = search_of(trade_off_trials(60))
NAMES = [objective.name for objective in DATA.objectives]
FRONT = [(p.number, p.metrics["natural_accuracy"], p.metrics["pgd_accuracy"]) for p in DATA.front]


def shown(point: CompletedTrial) -> list[str]:
    return [str(point.number), *(format_metric(name, point.metrics[name]) for name in NAMES)]


def test_files_and_listings_hold_the_unrounded_values_of_the_ledger() -> None:
    recorded = {record.number: record.last_metrics for record in DATA.records}
    assert [(number, *(recorded[number][name] for name in NAMES)) for number, *_ in FRONT] == FRONT
    rows = csv.DictReader(front_csv(DATA).splitlines())
    assert [(int(row["trial"]), *(float(row[name]) for name in NAMES)) for row in rows] == FRONT
    document = json.loads(front_json(DATA))["front"]
    assert [(entry["trial"], *(entry["metrics"][name] for name in NAMES)) for entry in document] == FRONT
    assert [
        (row["trial"], *(row[name] for name in NAMES)) for row in completed_rows(DATA.front, DATA.objectives)
    ] == FRONT


def test_terminal_page_and_description_show_them_rounded_alike() -> None:
    expected = [shown(point) for point in DATA.front]
    assert [row[:3] for row in front_text_table(DATA).rows] == expected
    page = front_html(DATA)
    rows = re.findall(r'<td><a href="#trial-\d+">(\d+)</a></td><td>([\d.]+)</td><td>([\d.]+)</td>', page)
    assert [list(cells) for cells in rows] == expected
    assert f'<tr class="knee"><td><a href="#trial-{DATA.knee}">' in page
    lines = [line for line in front_markdown(DATA).splitlines() if re.match(r"\| \d", line)]
    assert [line.strip("| ").split(" | ")[:3] for line in lines] == expected


def test_the_figure_draws_them_in_per_cent() -> None:
    drawn = next(found for found in traces(front_html(DATA)) if found.get("name") == "Pareto front")
    assert list(zip(drawn["x"], drawn["y"], strict=True)) == [(100 * a, 100 * b) for _, a, b in FRONT]
    assert [mark.number for mark in front_figure(DATA).front] == [number for number, *_ in FRONT]


def test_the_hypervolume_is_one_number() -> None:
    assert DATA.history[-1].hypervolume == DATA.hypervolume == json.loads(front_json(DATA))["hypervolume"]
    written = f"Hypervolume {DATA.hypervolume:.4f}"
    assert written in front_html(DATA)
    assert written in front_markdown(DATA)
    assert traces(front_html(DATA), "growth")[0]["y"][-1] == DATA.hypervolume
