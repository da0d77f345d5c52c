"""The files of an exported model."""

import ast
import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from plug_ins import plug_ins
from raises_about import raises_about
from trained_trials import SPACE, load_model

from training.config import ATTACK_STEPS, parse_trial
from training.registry import METRICS
from training.yaml_text import read_yaml
from tuner.errors import UsageError
from tuner.export.model_files import Origin, model_facts, write_export
from tuner.export.trial_model import TrainedModel
from tuner.ledger import SqlLedger

ALONE = """
import runpy, sys
found = runpy.run_path({path!r})
assert not {{"tuner", "ray", "optuna", "mlflow"}} & set(sys.modules)
import torch
torch.save(found["model"](torch.load({images!r})), {logits!r})
"""


@pytest.fixture
def model(trained: SqlLedger, runs_dir: Path) -> TrainedModel:
    return load_model(trained, runs_dir)


@pytest.fixture
def origin(trained: SqlLedger) -> Origin:
    return Origin.of("small-1", "small-1-id", SPACE, trained.load()[0])


def test_the_example_loads_the_model_with_training_alone(model: TrainedModel, origin: Origin, tmp_path: Path) -> None:
    out = tmp_path / "new" / "model"
    paths = write_export(out, model, origin)
    assert [path.name for path in paths] == ["weights.pt", "config.yaml", "model.json", "load.py"]
    assert len(paths[-1].read_text().splitlines()) <= 20
    torch.save(model.examples, tmp_path / "images.pt")
    names = {"path": str(paths[-1]), "images": f"{tmp_path}/images.pt", "logits": f"{tmp_path}/logits.pt"}
    done = subprocess.run([sys.executable, "-c", ALONE.format(**names)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert torch.equal(torch.load(tmp_path / "logits.pt"), model.classifier(model.examples).detach())
    assert len(ast.literal_eval(done.stdout[done.stdout.index("[") :])) == 2


def test_the_steps_of_an_attack_that_changes_are_among_the_facts(model: TrainedModel, origin: Origin) -> None:
    plain = model_facts(model, origin)
    (*earlier, last) = origin.trial.reports
    changed = replace(last, metrics={**last.metrics, ATTACK_STEPS: 5.0})
    trial = replace(origin.trial, reports=(*earlier, changed))
    assert ATTACK_STEPS not in plain
    assert model_facts(model, replace(origin, trial=trial)) == {**plain, ATTACK_STEPS: 5.0}


def test_the_facts_are_those_of_the_ledger(
    model: TrainedModel, origin: Origin, trained: SqlLedger, tmp_path: Path
) -> None:
    write_export(tmp_path / "out", model, origin)
    trial = trained.load()[0]
    facts = json.loads((tmp_path / "out" / "model.json").read_text())
    assert (facts["trial"], facts["parameters"]) == (0, trial.parameters)
    assert facts["metrics"] == {name: trial.last_metrics[name] for name in SPACE.objectives}
    assert facts["measured_on"] == "validation split"
    config = parse_trial(read_yaml(tmp_path / "out" / "config.yaml"))
    assert config == model.config


def test_the_example_of_a_search_with_an_own_metric_runs_from_any_folder(
    model: TrainedModel, origin: Origin, tmp_path: Path
) -> None:
    """The configuration names the metric, so that its file goes with the model, and a file that it imports."""
    files = {
        "own_score.py": "import own_helper\n\ndef score(model):\n    return own_helper.ONE\n",
        "own_helper.py": "ONE = 1\n",
    }
    with plug_ins(tmp_path / "code", files):
        METRICS["own_score:score"]
        measured = replace(model, config=replace(model.config, metrics=("own_score:score",)))
        paths = write_export(tmp_path / "out", measured, origin)
    assert {"own_score.py", "own_helper.py"} < {path.name for path in paths}
    shutil.rmtree(tmp_path / "code")
    command = [sys.executable, str(tmp_path / "out" / "load.py")]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert len(ast.literal_eval(done.stdout[done.stdout.index("[") :])) == 2


def test_a_file_is_no_folder_for_an_export(model: TrainedModel, origin: Origin, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    with raises_about(UsageError, tmp_path / "out"):
        write_export(tmp_path / "out", model, origin)
    assert (tmp_path / "out").read_text() == "mine"


def test_an_export_replaces_an_earlier_one_and_nothing_else(
    model: TrainedModel, origin: Origin, tmp_path: Path
) -> None:
    write_export(tmp_path / "out", model, origin)
    write_export(tmp_path / "out", model, origin)
    (tmp_path / "out" / "thesis.tex").touch()
    with raises_about(UsageError, tmp_path / "out" / "thesis.tex"):
        write_export(tmp_path / "out", model, origin)
    (tmp_path / "file").touch()
    with raises_about(UsageError, tmp_path / "file"):
        write_export(tmp_path / "file", model, origin)
