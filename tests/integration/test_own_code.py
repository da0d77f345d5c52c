"""A network, data, an objective and a metric from files outside the project, in real searches."""

import shutil
from pathlib import Path

import pytest
from driver_process import kill_when, run, start, trials_of, tuner

from tuner.runs.folder import SearchFolder

EXAMPLES = Path(__file__).parents[2] / "examples"
NAME = "own_objective-1"
# Says from where a worker took the file: the driver has it in a folder of its own.
NOTE = """
import os
from pathlib import Path
if "RAY_JOB_ID" in os.environ:
    Path({marker!r}).write_text(__file__)
"""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture
def code(tmp_path: Path) -> Path:
    """A folder with copies of the examples, one of which writes down where a worker found it."""
    folder = tmp_path / "code"
    folder.mkdir()
    for path in EXAMPLES.glob("own_*"):
        shutil.copy(path, folder)
    with (folder / "own_objective.py").open("a") as file:
        file.write(NOTE.format(marker=str(tmp_path / "found")))
    return folder


def test_a_search_over_own_code_is_killed_resumed_and_refused_once_the_code_changes(tmp_path: Path, code: Path) -> None:
    runs_dir = tmp_path / "runs"
    sets = ("architecture=own_network:SmallResidual", "dataset=own_data:Waves", "early_stopping.scheduler=none")
    words = ["--space", "own_objective.yaml", "--epochs", "12", "--trials", "2", "--concurrency", "1"]
    driver = start(runs_dir, *words, *(word for each in sets for word in ("--set", each)), folder=code)

    def has_begun() -> bool:
        return SearchFolder(runs_dir / NAME).space_file.exists() and bool(trials_of(runs_dir, NAME)[0:1])

    output = kill_when(driver, lambda: has_begun() and trials_of(runs_dir, NAME)[0].epochs_trained >= 1)
    assert f"own_network from {code / 'own_network.py'}" in output
    resumed = run(runs_dir, "--resume", NAME, folder=tmp_path)
    assert resumed.code == 0, resumed.output
    trials = trials_of(runs_dir, NAME)
    assert [(trial.outcome, set(trial.parameters)) for trial in trials] == 2 * [("completed", {"alpha", "pairing"})]
    assert "py_modules_files" in (tmp_path / "found").read_text(), "the copy that Ray brings to every node"
    assert set(SearchFolder(runs_dir / NAME).frozen()["plug_ins"]) == {"own_data", "own_network", "own_objective"}
    assert "pairing" in tuner(runs_dir, "show", NAME, folder=tmp_path)

    with (code / "own_network.py").open("a") as file:
        file.write("# changed\n")
    more = ("--resume", NAME, "--trials", "3")
    refused = run(runs_dir, *more, folder=tmp_path)
    assert (refused.code, len(refused.output.splitlines())) == (2, 1), refused.output
    assert str(code / "own_network.py") in refused.output
    accepted = run(runs_dir, *more, "--accept-changed-code", folder=tmp_path)
    assert accepted.code == 0, accepted.output
    assert len(trials_of(runs_dir, NAME)) == 3


def test_a_metric_of_ones_own_is_an_objective_beside_constraints(tmp_path: Path, code: Path) -> None:
    runs_dir, metric = tmp_path / "runs", "own_metric:small_weight_share"
    words = ("--epochs", "2", "--trials", "3", "--concurrency", "1", "--set", "early_stopping.scheduler=none")
    done = run(runs_dir, "--space", "own_metric.yaml", *words, folder=code)
    assert done.code == 0, done.output
    trials = trials_of(runs_dir, "own_metric-1")
    reported = [trial.reports[-1].metrics for trial in trials]
    assert all(0 <= metrics[metric] <= 1 and metrics["parameters"] > 0 for metrics in reported)
    assert set(SearchFolder(runs_dir / "own_metric-1").frozen()["plug_ins"]) == {"own_metric"}
    (front,) = (runs_dir / "own_metric-1").glob("front.csv")
    columns = front.read_text().splitlines()[0].split(",")
    assert columns[1:6] == ["natural_accuracy", "pgd_accuracy", metric, "parameters", "seconds"]

    (code / "own_metric.py").write_text("def small_weight_share(labels):\n    return labels\n")
    refused = run(runs_dir, "--space", "own_metric.yaml", folder=code)
    assert (refused.code, len(refused.output.splitlines())) == (2, 1), refused.output
    assert str(code / "own_metric.py") in refused.output
    assert not (runs_dir / "own_metric-2").exists()
