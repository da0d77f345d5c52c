"""A chosen model in MLflow's registry, in a real store."""

import itertools
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pytest
from mlflow import MlflowClient
from raises_about import raises_about
from trained_trials import SPACE, load_model

from tuner.errors import UsageError
from tuner.export.model_files import Origin
from tuner.export.trial_model import TrainedModel
from tuner.ledger import SqlLedger
from tuner.report.analysis.front_data import front_data
from tuner.report.analysis.front_points import Confirmed
from tuner.tracking.projection import Projection
from tuner.tracking.registry import RegistryEntry, register_model, version_description, version_tags

NUMBERS = itertools.count()

FRESH = """
import sys, mlflow, numpy as np
mlflow.set_tracking_uri({tracking!r})
model = mlflow.pyfunc.load_model({uri!r})
np.save({out!r}, model.predict(np.load({images!r})))
assert not {{"tuner", "training"}} & set(sys.modules)
"""


@pytest.fixture
def model(trained: SqlLedger, runs_dir: Path) -> TrainedModel:
    return load_model(trained, runs_dir)


@pytest.fixture
def origin(trained: SqlLedger, mlflow_uri: str, tmp_path: Path) -> Origin:
    """A trial that is in MLflow, in an experiment and under a search id of the test's own."""
    space = SPACE.model_copy(update={"name": f"registered{next(NUMBERS)}"})
    search_id = f"{space.name}-id"
    trials = trained.load()
    data = front_data("small-1", trials, space.objective_list, space.reference)
    artifacts = (tmp_path / "artifacts").as_uri()
    Projection(mlflow_uri, space, "small-1", search_id, artifacts).write(trials, data)
    return Origin.of("small-1", search_id, space, trials[0])


def register(model: TrainedModel, origin: Origin, uri: str, **changes: Any) -> RegistryEntry:
    return register_model(uri, model, origin, name=origin.search_id, **{"alias": "chosen", **changes})


def test_a_fresh_process_predicts_from_the_registry(
    model: TrainedModel, origin: Origin, mlflow_uri: str, tmp_path: Path
) -> None:
    made = register(model, origin, mlflow_uri)
    assert (made.version, made.existed, made.uri) == ("1", False, f"models:/{origin.search_id}@chosen")
    images = np.random.default_rng(0).random((7, 1, 8, 8), dtype=np.float32)
    np.save(tmp_path / "images.npy", images)
    names = {"images": f"{tmp_path}/images.npy", "out": f"{tmp_path}/logits.npy"}
    code = FRESH.format(tracking=mlflow_uri, uri=made.uri, **names)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    expected = model.classifier(model.examples.new_tensor(images)).detach().numpy()
    np.testing.assert_allclose(np.load(tmp_path / "logits.npy"), expected, atol=1e-5)


def test_a_version_tells_its_origin_accuracies_and_signature(
    model: TrainedModel, origin: Origin, mlflow_uri: str
) -> None:
    register(model, origin, mlflow_uri, alias="knee")
    client = MlflowClient(mlflow_uri)
    version = client.get_model_version_by_alias(origin.search_id, "knee")
    assert version.tags.items() >= {"tuner.search": "small-1", "tuner.trial": "0"}.items()
    for name, value in origin.metrics.items():
        assert float(version.tags[name]) == pytest.approx(value, rel=1e-5)
        assert f"| {name} | {value:.4f} |" in str(version.description)
    run = client.get_run(str(version.run_id))
    assert run.data.tags["tuner.trial"] == "0"
    mlflow.set_tracking_uri(mlflow_uri)
    try:
        info = mlflow.models.get_model_info(f"models:/{origin.search_id}@knee")
    finally:
        mlflow.set_tracking_uri(None)  # type: ignore[arg-type]
    assert info.signature is not None
    assert info.signature.inputs.to_dict()[0]["tensor-spec"] == {"dtype": "float32", "shape": (-1, 1, 8, 8)}
    assert info.saved_input_example_info is not None


def test_registering_again_moves_the_alias_and_makes_no_version(
    model: TrainedModel, origin: Origin, mlflow_uri: str
) -> None:
    register(model, origin, mlflow_uri)
    again = register(model, origin, mlflow_uri, alias="best")
    assert (again.version, again.existed) == ("1", True)
    client = MlflowClient(mlflow_uri)
    assert len(client.search_model_versions(f"name = '{origin.search_id}'")) == 1
    assert client.get_registered_model(origin.search_id).aliases.keys() == {"best", "chosen"}
    assert not mlflow.is_tracking_uri_set()  # type: ignore[no-untyped-call]


def test_a_name_may_have_an_apostrophe(model: TrainedModel, origin: Origin, mlflow_uri: str) -> None:
    for existed in (False, True):
        made = register_model(mlflow_uri, model, origin, name="Ann's model", alias="chosen")
        assert (made.version, made.existed) == ("1", existed)


def test_confirmed_accuracies_come_along(model: TrainedModel, origin: Origin, mlflow_uri: str) -> None:
    assert not any(key.startswith("confirmed/") for key in version_tags(origin))
    means, deviations = {"Natural": 0.9, "Worst over attacks": 0.25}, {"Natural": 0.01, "Worst over attacks": None}
    found = Confirmed("small-1-confirm", 0, 3, True, "quick", means, deviations, warnings=4)
    register(model, origin, mlflow_uri)
    register(model, replace(origin, confirmed=found), mlflow_uri)  # confirmed since
    version = MlflowClient(mlflow_uri).get_model_version_by_alias(origin.search_id, "chosen")
    expected = {
        "Natural": "0.9000 ± 0.0100",
        "Worst over attacks": "0.2500",
        "seeds": "3",
        "warnings": "4",
        "by": "small-1-confirm",
    }
    for key, value in expected.items():
        assert version.tags[f"confirmed/{key}"] == value
        assert f"| confirmed/{key} | {value} |" in str(version.description)
    assert version.description == version_description(replace(origin, confirmed=found))
    assert version.description != version_description(replace(origin, confirmed=replace(found, retrained=False)))


def test_a_trial_that_is_not_in_mlflow_says_how_it_gets_there(
    model: TrainedModel, trained: SqlLedger, mlflow_uri: str
) -> None:
    origin = Origin.of("small-1", "unknown-id", SPACE, trained.load()[0])
    with raises_about(UsageError, 0) as refused:
        register(model, origin, mlflow_uri)
    assert "`tuner sync small-1`" in str(refused.value)


def test_what_mlflow_refuses_is_named(model: TrainedModel, origin: Origin, mlflow_uri: str) -> None:
    with raises_about(UsageError, (origin.search_id, "v1")):
        register(model, origin, mlflow_uri, alias="v1")
