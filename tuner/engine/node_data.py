"""A trial's data on the node that it runs on: downloaded there once, with the same validation images as everywhere.

This module loads torch, so only workers import it.
"""

import fcntl
import hashlib
import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from training.config import TrialConfig
from training.data import DataError, TrialData, ensure_available, load_trial_data
from tuner.engine.shared_data import Load, load_shared


def load_or_download(
    config: TrialConfig, load: Load = load_trial_data, download: Callable[[TrialConfig], None] = ensure_available
) -> TrialData:
    """Return a trial's data. If the node has none, the first reader downloads them and the others wait for it."""
    try:
        return load(config)
    except DataError:
        with _node_lock(config.data_root):
            download(config)
        return load(config)


def load_on_this_node(config: TrialConfig, split_digest: str | None, load: Load = load_or_download) -> TrialData:
    """Return a trial's data, which one process of the node reads for all trials.

    Raise DataError if the data cannot be read, or if `split_digest` is not None and the validation images have another
    digest: accuracies on other images could not be compared. Ray then tries again, perhaps on another node.
    """
    data = load_shared(config, load)
    if split_digest not in {None, data.split_digest}:
        raise DataError(
            f"The validation images of {config.data_root} on {socket.gethostname()} (digest {data.split_digest}) are "
            f"not those of the search (digest {split_digest}): put the same data there, or mount one folder everywhere."
        )
    return data


@contextmanager
def _node_lock(data_root: str) -> Iterator[None]:
    """Hold this node's lock of a data folder. It lies elsewhere: the folder may be read-only, or on a mount."""
    name = hashlib.sha256(data_root.encode()).hexdigest()[:16]
    with (Path(tempfile.gettempdir()) / f"tuner-data-{name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
