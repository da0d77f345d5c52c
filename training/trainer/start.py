"""What a trial starts from: a file of weights, and the checkpoint of an earlier run, which must fit."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from training.config import TrialConfig
from training.data import DataError
from training.models import Classifier
from training.models.start_weights import Taken, load_start_weights
from training.models.weights_file import WeightsError
from training.trainer.checkpoint import FILE_NAME, CheckpointError


def take_start_weights(model: Classifier, config: TrialConfig) -> Taken | None:
    """Load the file of `start_weights` into a model and return what was taken of it; None if there is no such file.

    Raise DataError if it cannot be used.
    """
    if not config.start_weights:
        return None
    path = Path(config.start_weights).expanduser()
    try:
        return load_start_weights(model, path)
    except (OSError, WeightsError) as error:
        way = "every machine that trains must have it; name a file that torch.save wrote"
        reason = error.strerror if isinstance(error, OSError) else error
        raise DataError(f"The file of start_weights, {path}, cannot be used ({reason}): {way}.", path) from error


def require_same_start(folder: Path, state: Mapping[str, Any], split_digest: str, start: Taken | None) -> None:
    """Raise CheckpointError if the checkpoint in `folder` has other validation images, or began with other weights."""
    if state["split_digest"] != split_digest:
        raise CheckpointError(
            f"The checkpoint in {folder} was validated on other images than those of the present data set;"
            " restore the data set or start again.",
            (folder / FILE_NAME, "split_digest"),
        )
    digest = None if start is None else start.digest
    if state["start_weights"] != digest:
        raise CheckpointError(
            f"The checkpoint in {folder} began with other start_weights (hash {state['start_weights']}) than the"
            f" present file (hash {digest}); restore that file or start again.",
            (folder / FILE_NAME, "start_weights"),
        )
