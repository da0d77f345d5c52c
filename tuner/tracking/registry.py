"""MLflow's registry: a trial's model becomes a version of a registered model, which `mlflow.pyfunc` loads anywhere.

The model is saved as a traced graph (`torch.export`), so loading it needs torch and executes no pickled code.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlflow
import mlflow.pytorch
import numpy as np
import torch
from mlflow import MlflowClient
from mlflow.entities import Run
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from mlflow.models import ModelSignature
from mlflow.types import Schema, TensorSpec

from tuner.errors import UsageError
from tuner.export.model_files import Origin, model_facts
from tuner.export.trial_model import TrainedModel
from tuner.ledger import trial_name
from tuner.redact import without_password
from tuner.report.analysis.front_points import Confirmed
from tuner.tracking import layout

_EPOCH = "tuner.epoch"  # the tag of a version that is one epoch of its trial


@dataclass(frozen=True)
class RegistryEntry:
    """A version of the registered model `name`, with the alias that points at it, and whether it was there before."""

    name: str
    version: str
    alias: str
    existed: bool

    @property
    def uri(self) -> str:
        """What `mlflow.pyfunc.load_model` takes."""
        return f"models:/{self.name}@{self.alias}"


def register_model(tracking_uri: str, model: TrainedModel, origin: Origin, *, name: str, alias: str) -> RegistryEntry:
    """Make a version of a trial's model, or find the one that exists, and point the alias at it.

    Raise UsageError if the trial is not in MLflow, or if MLflow refuses.
    """
    client = MlflowClient(tracking_uri)
    try:
        with _as_default(tracking_uri):
            run = _run(client, origin)
            found = _version(client, name, origin)
            version = found or _new_version(client, run, model, origin, name)
            client.set_registered_model_alias(name, alias, version.version)
            if found is not None:  # the trial may have been confirmed since
                client.update_model_version(name, version.version, version_description(origin))
            for key, value in version_tags(origin).items():
                client.set_model_version_tag(name, version.version, key, value)
    except MlflowException as error:
        raise UsageError(
            f"MLflow at {without_password(tracking_uri)} refuses {name!r} with alias {alias!r}: {error}", (name, alias)
        ) from error
    return RegistryEntry(name, str(version.version), alias, existed=found is not None)


def version_tags(origin: Origin) -> dict[str, str]:
    """Return the tags of a version: where it comes from, its accuracies, and the confirmed ones if there are any."""
    return {
        layout.SEARCH_ID: origin.search_id,
        layout.SEARCH_NAME: origin.search,
        layout.TRIAL: str(origin.trial.number),
        **({} if origin.epoch is None else {_EPOCH: str(origin.epoch)}),
        **{key: f"{value:.6g}" for key, value in origin.metrics.items()},
        **_confirmed_accuracies(origin.confirmed),
    }


def _confirmed_accuracies(confirmed: Confirmed | None) -> dict[str, str]:
    """Return for each attack `confirmed/ATTACK`: mean and deviation over the seeds, on the test set.

    `confirmed/warnings` counts the reasons to doubt the accuracies. Without a confirmation the result is empty.
    """
    if confirmed is None:
        return {}
    accuracies = {}
    for name, mean in confirmed.means.items():
        deviation = confirmed.deviations[name]
        accuracies[f"confirmed/{name}"] = f"{mean:.4f}" + ("" if deviation is None else f" ± {deviation:.4f}")
    return {
        **accuracies,
        "confirmed/seeds": str(confirmed.seeds),
        "confirmed/warnings": str(confirmed.warnings),
        "confirmed/by": confirmed.confirmation,
    }


def version_description(origin: Origin) -> str:
    """Return in markdown what a version is, and its accuracies."""
    shown = {key: f"{value:.4f}" for key, value in origin.metrics.items()} | _confirmed_accuracies(origin.confirmed)
    rows = [f"| {key} | {value} |" for key, value in shown.items()]
    again = " trained again" if origin.confirmed is not None and origin.confirmed.retrained else ""
    parameters = ", ".join(f"{key} {value}" for key, value in origin.trial.parameters.items())
    after = "" if origin.epoch is None else f" after epoch {origin.epoch}"
    head = f"Trial {origin.trial.number}{after} of the search {origin.search}: {parameters}."
    note = (
        "Values without `confirmed/` were measured on the validation split, by which the trial was chosen; those "
        f"with it on the test set, with the same setting{again}. Input: images in [0, 1]. Output: logits."
    )
    return "\n".join([head, "", "| metric | value |", "|---|---:|", *rows, "", note])


@contextmanager
def _as_default(tracking_uri: str) -> Iterator[None]:
    """Set MLflow's default address: it looks up the source of a version there, whatever address the client has."""
    before = mlflow.get_tracking_uri() if mlflow.is_tracking_uri_set() else None  # type: ignore[no-untyped-call]
    mlflow.set_tracking_uri(tracking_uri)
    try:
        yield
    finally:
        mlflow.set_tracking_uri(before)  # type: ignore[arg-type] # None takes the setting back


def _run(client: MlflowClient, origin: Origin) -> Run:
    query = f"tags.`{layout.SEARCH_ID}` = '{origin.search_id}' and tags.`{layout.TRIAL}` = '{origin.trial.number}'"
    runs = client.search_runs([e.experiment_id for e in client.search_experiments()], query)
    if not runs:
        raise UsageError(
            f"Trial {origin.trial.number} of {origin.search} is not in MLflow. `tuner sync {origin.search}` writes it; "
            "give the same --runs-dir and --tracking-uri as here.",
            origin.trial.number,
        )
    return runs[0]


def _version(client: MlflowClient, name: str, origin: Origin) -> ModelVersion | None:
    """Return the version of this model if there is one, so that registering again does not make a second one."""
    quote = '"' if "'" in name else "'"
    for version in client.search_model_versions(f"name = {quote}{name}{quote}"):
        same_search = version.tags.get(layout.SEARCH_ID) == origin.search_id
        same_epoch = version.tags.get(_EPOCH) == (None if origin.epoch is None else str(origin.epoch))
        if same_search and same_epoch and version.tags.get(layout.TRIAL) == str(origin.trial.number):
            return version
    return None


def _new_version(client: MlflowClient, run: Run, model: TrainedModel, origin: Origin, name: str) -> ModelVersion:
    try:
        client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    tags = version_tags(origin)
    logged = client.create_logged_model(
        run.info.experiment_id, trial_name(origin.trial.number), run.info.run_id, tags=tags, model_type="classifier"
    )
    with tempfile.TemporaryDirectory(prefix="model-") as folder:
        path = Path(folder) / "model"
        _save(path, model, model_facts(model, origin))
        client.log_model_artifacts(logged.model_id, str(path))
    client.finalize_logged_model(logged.model_id, "READY")
    return client.create_model_version(
        name,
        source=f"models:/{logged.model_id}",
        run_id=run.info.run_id,
        tags=tags,
        description=version_description(origin),
        model_id=logged.model_id,
    )


def _save(path: Path, model: TrainedModel, metadata: dict[str, Any]) -> None:
    image = (-1, *model.image_shape)
    signature = ModelSignature(
        inputs=Schema([TensorSpec(np.dtype(np.float32), image)]),
        outputs=Schema([TensorSpec(np.dtype(np.float32), (-1, len(model.class_names)))]),
    )
    mlflow.pytorch.save_model(
        model.classifier,
        path,
        signature=signature,
        input_example=model.examples.numpy(),
        serialization_format="pt2",
        # Without them MLflow would start a process to find them.
        pip_requirements=[f"torch=={torch.__version__.partition('+')[0]}", f"numpy=={np.__version__}"],
        metadata=metadata,
    )
