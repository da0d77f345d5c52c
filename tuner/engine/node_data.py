"""A trial's data on its node: downloaded there once, read by one actor, and held in Ray's object store for all trials.

Each trial's process maps the same memory while it needs it, and the memory is free when the search ends. This module
loads torch, so only workers import it.
"""

import fcntl
import hashlib
import logging
import socket
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import ray
import torch
from ray.exceptions import RayError, RayTaskError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from training.config import TrialConfig
from training.data import DataError, ImageSet, TrialData, data_set_key, ensure_available, load_trial_data
from training.models.start_weights import Taken
from training.outside_code import import_all
from tuner.errors import first_line

Load = Callable[[TrialConfig], TrialData]

# The keys of a configuration that a trial's data depend on, beside the data set and its own keys.
_KEYS = ("data_root", "validation_fraction", "train_fraction", "train_balance", "train_on", "split_seed")

# A search over shares of the training set has several sets of data.
_MOST_KEPT = 2
# A reader ends with the trial's process that started it. Then another one is started.
_ATTEMPTS = 2

_log = logging.getLogger(__name__)


def load_or_download(
    config: TrialConfig, load: Load = load_trial_data, download: Callable[[TrialConfig], object] = ensure_available
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
            f"not those of the search (digest {split_digest}): put the same data there, or mount one folder for all.",
            (data.split_digest, split_digest),
        )
    return data


def require_same_start(file: str, start: Taken | None, start_digest: str | None) -> None:
    """Raise DataError if a trial has started with other weights of `file` than those with the hash `start_digest`.

    None accepts any. Without this check a trial would find none of its checkpoints fit, and begin again with others.
    """
    found = None if start is None else start.digest
    if start_digest not in {None, found}:
        raise DataError(
            f"The file of start_weights, {file}, on {socket.gethostname()} (hash {found}) is not that of the search "
            f"(hash {start_digest}): copy the same file there, or mount one folder for all.",
            (found, start_digest),
        )


@contextmanager
def _node_lock(data_root: str) -> Iterator[None]:
    """Hold this node's lock of a data folder. It lies elsewhere: the folder may be read-only, or on a mount."""
    name = hashlib.sha256(data_root.encode()).hexdigest()[:16]
    with (Path(tempfile.gettempdir()) / f"tuner-data-{name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


class _Reader:
    """The process that reads. The latest data stay in Ray's store, older ones while a trial uses them."""

    def __init__(self) -> None:
        self._kept: dict[tuple[Any, ...], Any] = {}

    def data(self, config: TrialConfig, load: Load) -> list[Any]:
        """Return the reference to a trial's data, in a list: Ray would fetch a bare reference."""
        import_all(config.imports)
        key = (*data_set_key(config), *(getattr(config, name) for name in _KEYS))
        if key not in self._kept:
            while len(self._kept) >= _MOST_KEPT:  # trials that use the old data keep them
                del self._kept[next(iter(self._kept))]
            self._kept[key] = ray.put(_as_arrays(load(config)))
        return [self._kept[key]]


def node_reader() -> Any:
    """Return the actor that reads on this node, and start it if there is none."""
    return _start_reader(ray.get_runtime_context().get_node_id())


@lru_cache(maxsize=1)
def _start_reader(node: str) -> Any:
    """Find the actor of a node, or start it; it ends with the process that started it."""
    strategy = NodeAffinitySchedulingStrategy(node, soft=False)
    reader = ray.remote(num_cpus=0)(_Reader)
    return reader.options(name=f"tuner-data-{node}", get_if_exists=True, scheduling_strategy=strategy).remote()


def load_shared(config: TrialConfig, load: Load, find_reader: Callable[[], Any] = node_reader) -> TrialData:
    """Return the data that `load(config)` reads in the process of this node that reads them for all trials.

    Raise what `load` raises. If that process cannot be started, or Ray's store has no room, read the data here.
    `find_reader()` returns the process's actor.
    """
    if config.dataset == "digits" or not ray.is_initialized():  # the digits come with a library and load at once
        return load(config)
    for _ in range(_ATTEMPTS):
        try:
            return _fetch(find_reader(), config, load)
        except RayTaskError as error:
            if not isinstance(error.cause, RayError):
                raise error.cause from None
            reason: RayError = error.cause
        except RayError as error:
            reason = error
        _start_reader.cache_clear()
    _log.warning("The trials of this node do not share their data: %s", first_line(reason))
    return load(config)


def _fetch(reader: Any, config: TrialConfig, load: Load) -> TrialData:
    (reference,) = ray.get(reader.data.remote(config, load))
    return _from_arrays(ray.get(reference))


def _as_arrays(data: TrialData) -> dict[str, Any]:
    parts = {
        part: (image_set.images.numpy(), image_set.labels.numpy())
        for part, image_set in (("train", data.train), ("validation", data.validation))
    }
    return {**parts, "class_names": data.class_names, "split_digest": data.split_digest}


def _from_arrays(arrays: dict[str, Any]) -> TrialData:
    with warnings.catch_warnings():
        # Torch warns that the arrays are read-only. Nobody writes to them.
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
        train, validation = (ImageSet(*map(torch.from_numpy, arrays[part])) for part in ("train", "validation"))
    return TrialData(train, validation, arrays["class_names"], arrays["split_digest"])
