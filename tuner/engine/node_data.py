"""A trial's data on the node that it runs on: downloaded once there, and the images that all trials are judged by."""

import fcntl
import hashlib
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tuner.engine.shared_data import shared

if TYPE_CHECKING:  # torch is imported in the worker, by the first trial
    from training.config import TrialConfig
    from training.data import TrialData


def load_on_this_node(config: "TrialConfig", split_digest: str | None) -> "TrialData":
    """Give a trial's data, which one process of the node reads for all trials.

    Raises DataError if that fails, or if the validation images are not those with `split_digest`: accuracies on other
    images would not compare. Ray then tries again, perhaps on another node.
    """
    from training.data import DataError

    data = shared(config, load_or_download)
    if split_digest not in {None, data.split_digest}:
        raise DataError(
            f"The validation images of {config.data_root} on {socket.gethostname()} (digest {data.split_digest}) are "
            f"not those of the search (digest {split_digest}): put the same data there, or mount one folder everywhere."
        )
    return data


def load_or_download(config: "TrialConfig") -> "TrialData":
    """Read a trial's data; where the node has none, its first reader downloads them and others wait for it."""
    from training.data import DataError, ensure_available, load_trial_data

    try:
        return load_trial_data(config)
    except DataError:
        with _one_at_a_time(config.data_root):
            ensure_available(config)
        return load_trial_data(config)


@contextmanager
def _one_at_a_time(data_root: str) -> Iterator[None]:
    """Hold this node's lock of a data folder, which lies elsewhere: the folder may be read-only, or on a mount."""
    name = hashlib.sha256(data_root.encode()).hexdigest()[:16]
    with (Path(tempfile.gettempdir()) / f"tuner-data-{name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
