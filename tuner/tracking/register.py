"""A chosen model in MLflow's registry: a version of a registered model, which `mlflow.pyfunc` loads anywhere.

The model is saved as a traced graph (`torch.export`), so that loading it needs torch and runs no pickled code.
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
from tuner.export.export import Origin, facts
from tuner.export.trained import TrainedModel
from tuner.redact import without_password
from tuner.report.analysis.front_data import Confirmed
from tuner.tracking import layout

CONFIRMED = "confirmed/"


@dataclass(frozen=True)
class Registered:
    """A version in the registry: its model's name, its number, its alias, and whether it was there before."""

    name: str
    version: str
    alias: str
    existed: bool

    @property
    def uri(self) -> str:
        """What `mlflow.pyfunc.load_model` takes."""
        return f"models:/{self.name}@{self.alias}"


def register(tracking_uri: str, model: TrainedModel, origin: Origin, *, name: str, alias: str) -> Registered:
    """Make a version of a trial's model, or find the one there is, and point the alias at it.

    Raise UsageError if the trial is not in MLflow, or MLflow refuses.
    """
    client = MlflowClient(tracking_uri)
    try:
        with _as_default(tracking_uri):
            run = _run(client, origin)
            found = _version(client, name, origin)
            version = found or _new_version(client, run, model, origin, name)
            client.set_registered_model_alias(name, alias, version.version)
            if found is not None:  # what was confirmed since belongs into it, too
                client.update_model_version(name, version.version, description(origin))
            for key, value in version_tags(origin).items():
                client.set_model_version_tag(name, version.version, key, value)
    except MlflowException as error:
        raise UsageError(
            f"MLflow at {without_password(tracking_uri)} refuses {name!r} with the alias {alias!r}: {error}"
        ) from error
    return Registered(name, str(version.version), alias, existed=found is not None)


def version_tags(origin: Origin) -> dict[str, str]:
    """Give a version's tags: where it comes from, its accuracies, and the confirmed ones if there are any."""
    return {
        layout.SEARCH_ID: origin.search_id,
        layout.SEARCH_NAME: origin.search,
        layout.TRIAL: str(origin.trial.number),
        **{key: f"{value:.6g}" for key, value in origin.metrics.items()},
        **confirmed_accuracies(origin.confirmed),
    }


def confirmed_accuracies(confirmed: Confirmed | None) -> dict[str, str]:
    """Give `confirmed/ATTACK`: the mean on the test set, with its deviation over the seeds; nothing if unconfirmed.

    `confirmed/warnings` counts the signs that a figure is not to be trusted.
    """
    if confirmed is None:
        return {}
    accuracies = {}
    for name, mean in confirmed.means.items():
        deviation = confirmed.deviations[name]
        accuracies[f"{CONFIRMED}{name}"] = f"{mean:.4f}" + ("" if deviation is None else f" ± {deviation:.4f}")
    return {
        **accuracies,
        f"{CONFIRMED}seeds": str(confirmed.seeds),
        f"{CONFIRMED}warnings": str(confirmed.warnings),
        f"{CONFIRMED}by": confirmed.confirmation,
    }


def description(origin: Origin) -> str:
    """Say in markdown what a version is and how well it does."""
    shown = {key: f"{value:.4f}" for key, value in origin.metrics.items()} | confirmed_accuracies(origin.confirmed)
    rows = [f"| {key} | {value} |" for key, value in shown.items()]
    again = " trained again" if origin.confirmed is not None and origin.confirmed.retrained else ""
    parameters = ", ".join(f"{key} {value}" for key, value in origin.trial.parameters.items())
    lines = [
        f"Trial {origin.trial.number} of the search {origin.search}: {parameters}.",
        "",
        "| metric | value |",
        "|---|---:|",
        *rows,
        "",
        (
            "Values without `confirmed/` are of the validation split, on which the trial was chosen; those with it are "
            f"of the test set, of the same setting{again}. "
            "Input: images in [0, 1], output: logits."
        ),
    ]
    return "\n".join(lines)


@contextmanager
def _as_default(tracking_uri: str) -> Iterator[None]:
    """Let MLflow look there for the source of a version: it does not ask the client that makes it."""
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
            f"Trial {origin.trial.number} of {origin.search} is not in MLflow: `tuner sync {origin.search}`, with the "
            "--runs-dir and --tracking-uri of this command if it has any, writes it."
        )
    return runs[0]


def _version(client: MlflowClient, name: str, origin: Origin) -> ModelVersion | None:
    """Find the version made of this trial before, so that registering again makes no second one."""
    quote = '"' if "'" in name else "'"
    for version in client.search_model_versions(f"name = {quote}{name}{quote}"):
        same_search = version.tags.get(layout.SEARCH_ID) == origin.search_id
        if same_search and version.tags.get(layout.TRIAL) == str(origin.trial.number):
            return version
    return None


def _new_version(client: MlflowClient, run: Run, model: TrainedModel, origin: Origin, name: str) -> ModelVersion:
    _make_registered_model(client, name)
    tags = version_tags(origin)
    logged = client.create_logged_model(
        run.info.experiment_id, f"trial-{origin.trial.number:04d}", run.info.run_id, tags=tags, model_type="classifier"
    )
    with tempfile.TemporaryDirectory(prefix="model-") as folder:
        path = Path(folder) / "model"
        _save(path, model, facts(model, origin))
        client.log_model_artifacts(logged.model_id, str(path))
    client.finalize_logged_model(logged.model_id, "READY")
    return client.create_model_version(
        name,
        source=f"models:/{logged.model_id}",
        run_id=run.info.run_id,
        tags=tags,
        description=description(origin),
        model_id=logged.model_id,
    )


def _make_registered_model(client: MlflowClient, name: str) -> None:
    try:
        client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise


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
        # Given, because MLflow would start a process to find them out.
        pip_requirements=[f"torch=={torch.__version__.partition('+')[0]}", f"numpy=={np.__version__}"],
        metadata=metadata,
    )
