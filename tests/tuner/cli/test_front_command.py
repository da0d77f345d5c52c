"""`tuner front` on confirmations, on methods side by side, and on searches with little to show."""

import csv
import io
import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from finished_search import SPACE
from raises_about import raises_about
from simulated_search import SEARCH, MakeLedger, small_space, space_mapping
from typed_commands import Tuner

from training.suite_names import SuiteName
from tuner.cli import app
from tuner.confirm.choice import Choice, Chosen, confirmation_space
from tuner.confirm.presentation import ConfirmationError, Use
from tuner.confirm.table import confirmation_rows, write_confirmation
from tuner.errors import UsageError
from tuner.ledger import SqlLedger
from tuner.report.analysis.front_data import front_data
from tuner.report.analysis.text_tables import summary
from tuner.report.load import load_search
from tuner.search import Search
from tuner.space import Space, space_from_mapping

ONE_EPOCH: dict[str, Any] = {"early_stopping": {"scheduler": "none"}, "trial": {"epochs": 1}}
NAN = float("nan")


def report(space: Space, ledger: SqlLedger, values: list[dict[str, float] | None]) -> None:
    """Run a trial for each of some metrics, after one epoch; None fails."""
    search = Search(space, ledger)
    for metrics in values:
        assignment = search.next_assignment()
        assert assignment
        if metrics is None:
            search.fail(assignment.number, "out of memory")
        else:
            search.report(assignment.number, 1, metrics, None)


def accuracies(natural: float, pgd: float, **others: float) -> dict[str, float]:
    return {"natural_accuracy": natural, "pgd_accuracy": pgd, **others}


@pytest.mark.parametrize(
    ("values", "size"),
    [
        ([], 0),
        ([accuracies(0.9, 0.5)], 1),
        ([accuracies(0.9, 0.5), accuracies(0.8, 0.6)], 2),
        ([accuracies(0.9, 0.5)] * 4, 4),
        ([accuracies(0.9, 0.5), None, accuracies(NAN, 0.5)], 1),
        ([None, None], 0),
    ],
)
def test_a_search_with_little_to_show_has_a_front_and_its_files(
    tuner: Tuner, make_ledger: MakeLedger, runs_dir: Path, values: list[dict[str, float] | None], size: int
) -> None:
    space = small_space(**ONE_EPOCH)
    report(space, make_ledger(space), values)
    for command in ("front", "show"):
        answer = tuner(command, SEARCH)
        assert (answer.code, answer.err) == (0, "")
    data = load_search(runs_dir, SEARCH).data
    assert len(data.front) == size
    assert summary(data) in " ".join(tuner("show", SEARCH).out.split())
    assert len(list((runs_dir / SEARCH).glob("front.*"))) == 5
    assert tuner("front", SEARCH, "--knee").code == 1, "a front of less than three points has no knee"


def test_a_grid_with_seeds_has_its_means_beside_the_front_of_single_seeds(
    tuner: Tuner, make_ledger: MakeLedger
) -> None:
    mapping = space_mapping(**ONE_EPOCH)
    mapping["search"] = {"sampler": "grid", "points": [{"alpha": 0.5, "lambda": 1.0, "bottleneck": 8}], "seeds": 2}
    space = space_from_mapping(mapping, "seeds.yaml")
    report(space, make_ledger(space), [accuracies(0.9, 0.5), accuracies(0.8, 0.6)])
    shown = tuner("front", SEARCH).out
    assert all(value in shown for value in ("90.00", "80.00", "85.00 ± 7.07"))


def test_the_command_for_the_chosen_model_has_the_folder_of_the_searches(
    tuner: Tuner, make_ledger: MakeLedger, runs_dir: Path
) -> None:
    space = small_space(**ONE_EPOCH)
    report(space, make_ledger(space), [accuracies(0.9, 0.5)])
    answer = tuner("front", SEARCH, "--trial", "0")
    assert f"Its model: tuner export {SEARCH} 0 --runs-dir {runs_dir} --out DIR" in answer.out
    assert f"tuner confirm {SEARCH} --trial 0 --runs-dir {runs_dir}" in answer.out


@pytest.fixture
def confirmation(make_ledger: MakeLedger, runs_dir: Path) -> str:
    """The name of a confirmation that trained the only trial of a search with two seeds."""
    space = small_space(**ONE_EPOCH)
    ledger = make_ledger(space)
    report(space, ledger, [accuracies(0.9, 0.5)])
    measured = {"test/Natural": 0.88, "test/PGD-20": 0.45, "test/Worst over attacks": 0.4, "test_warnings": 0.0}
    confirming = confirmation_space(
        space, SEARCH, f"{SEARCH}-0a1b2c3d", [Chosen(ledger.load()[0])], Choice(seeds=2, suite=SuiteName.QUICK)
    )
    name = f"{SEARCH}-confirm"
    confirmed = make_ledger(confirming, name)
    report(confirming, confirmed, [accuracies(0.88, 0.45, **measured)] * 2)
    write_confirmation(runs_dir / name, confirming, confirmation_rows(confirming, confirmed.load()))
    return name


@pytest.mark.usefixtures("tuner")
def test_a_front_is_shown_though_its_files_cannot_be_written(
    make_ledger: MakeLedger, runs_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    space = small_space(**ONE_EPOCH)
    report(space, make_ledger(space), [accuracies(0.9, 0.5)])
    (runs_dir / SEARCH / "front.csv").mkdir(parents=True)
    with raises_about(UsageError, runs_dir / SEARCH):
        app(["front", SEARCH])
    assert "90.00" in capsys.readouterr().out


def test_a_confirmation_shows_its_table_and_nothing_to_choose_from(
    tuner: Tuner, confirmation: str, runs_dir: Path
) -> None:
    folder = runs_dir / confirmation
    answer = tuner("front", confirmation)
    assert answer.code == 0
    assert "45.00 ± 0.00" in answer.out
    assert not list(folder.glob("front.*"))
    listed = tuner("show", confirmation).out
    assert "completed" in listed
    assert "front" not in listed.lower()
    assert "45.00 ± 0.00" in tuner("front", SEARCH).out


@pytest.mark.usefixtures("tuner")
@pytest.mark.parametrize(
    ("options", "use"),
    [
        ("{search} {confirmation}", Use.COMPARISON),
        ("{confirmation} --by alpha", Use.COMPARISON),
        ("{confirmation} --knee", Use.CHOICE),
    ],
)
def test_the_accuracies_of_a_confirmation_are_not_used(
    confirmation: str, capsys: pytest.CaptureFixture[str], options: str, use: Use
) -> None:
    with raises_about(ConfirmationError, confirmation) as refused:
        app(["front", *options.format(search=SEARCH, confirmation=confirmation).split()])
    assert (refused.value.search, refused.value.use) == (SEARCH, use)
    assert capsys.readouterr().out == ""


def test_a_confirmation_is_listed_without_a_front(tuner: Tuner, confirmation: str) -> None:
    rows = {row["search"]: row for row in json.loads(tuner("list", "--format", "json").out)}
    assert (rows[confirmation]["front"], rows[confirmation]["hypervolume"]) == (None, None)
    assert (rows[confirmation]["state"], rows[confirmation]["ended"]) == ("finished", 2)
    assert (rows[SEARCH]["front"], rows[SEARCH]["hypervolume"]) == (1, pytest.approx(0.45))
    assert "0.396" not in tuner("list").out  # 0.88 * 0.45


def test_a_confirmation_is_given_as_rows(tuner: Tuner, confirmation: str, runs_dir: Path) -> None:
    answer = tuner("front", confirmation, "--format", "json")
    assert answer.code == 0
    assert json.loads(answer.out) == json.loads((runs_dir / confirmation / "confirmation.json").read_text())["rows"]
    assert f"tuner front {SEARCH}" in answer.err
    (line,) = csv.DictReader(tuner("front", confirmation, "--format", "csv").out.splitlines())
    assert (line["trial"], line["seeds"], line["means.PGD-20"]) == ("0", "2", "0.45")


@pytest.mark.parametrize("form", ["html", "png", "svg"])
def test_methods_searched_in_one_space_are_compared_in_one_figure(
    tuner: Tuner, make_ledger: MakeLedger, tmp_path: Path, form: str
) -> None:
    """The paper's Figure 3: a front for each objective, of what all three have in common."""
    mapping = space_mapping(**ONE_EPOCH)
    methods = {"type": "categorical", "choices": ["shared_information", "trades", "mart"]}
    mapping["parameters"] = {"objective": methods, "lambda": mapping["parameters"]["lambda"]}
    space = space_from_mapping(mapping, "methods.yaml")
    report(space, make_ledger(space), [accuracies(0.9 - n / 30, 0.4 + n / 40) for n in range(12)])
    out = tmp_path / f"methods.{form}"
    answer = tuner("front", SEARCH, "--by", "objective", "--out", str(out))
    assert answer.code == 0
    assert f"{SEARCH} by objective" in answer.out
    assert all(f"\n{method} " in answer.out for method in methods["choices"])
    if form == "svg":
        assert ET.fromstring(out.read_text()).tag.endswith("svg")
    assert out.stat().st_size > 10_000


def test_the_front_is_shown_and_its_files_are_written(tuner: Tuner, finished: SqlLedger, runs_dir: Path) -> None:
    data = front_data(SEARCH, finished.load(), SPACE.objective_list, SPACE.reference)
    answer = tuner("front", SEARCH)
    assert answer.code == 0
    for name in ("front.csv", "front.json", "front.html", "front.png"):
        assert f"  {runs_dir}/{SEARCH}/{name}" in answer.out
        assert (runs_dir / SEARCH / name).stat().st_size > 0
    rows = json.loads(tuner("front", SEARCH, "--format", "json").out)
    assert rows == [{"trial": p.number, **p.metrics, **p.parameters, "epochs": p.epochs} for p in data.front]
    printed = list(csv.DictReader(io.StringIO(tuner("front", SEARCH, "--format", "csv").out)))
    assert [int(row["trial"]) for row in printed] == [point.number for point in data.front]


def test_the_front_of_a_search_without_one_has_its_columns_and_a_reason(tuner: Tuner, make_ledger: MakeLedger) -> None:
    Search(SPACE, make_ledger(SPACE)).next_assignment()
    assert tuner("front", SEARCH, "--format", "csv").out == "trial,natural_accuracy,pgd_accuracy,epochs\n"
    rows = tuner("front", SEARCH, "--format", "json")
    assert rows.out == "[]\n"
    assert rows.err.strip() in tuner("front", SEARCH).out, "the reason"
