"""Images that the trials of a node share: an actor reads them once, and Ray's object store holds them for all.

Each trial's process maps the same memory, for as long as it needs it, and nothing of it outlives the search.
"""

import logging
import warnings
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import ray
from ray.exceptions import RayError, RayTaskError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

if TYPE_CHECKING:  # torch is imported in the worker, by the first trial
    from training.config import TrialConfig
    from training.data import TrialData

    Load = Callable[["TrialConfig"], "TrialData"]

# All that a trial's data depend on.
_KEYS = ("dataset", "data_root", "validation_fraction", "train_fraction", "train_balance", "train_on", "split_seed")

# Searched shares of the training set are data of their own.
_MOST_KEPT = 2
# A reader ends with the trial's process that started it; then another one is asked.
_ATTEMPTS = 2

_log = logging.getLogger(__name__)


def shared(config: "TrialConfig", load: "Load") -> "TrialData":
    """Give the data that `load` reads, by the process of this node that reads them for all.

    Raises what `load` raises. Where there is no such process, or no room in Ray's store, they are read here.
    """
    if config.dataset == "digits" or not ray.is_initialized():  # digits come with a library, and are read at once
        return load(config)
    for _ in range(_ATTEMPTS):
        try:
            return _asked(config, load)
        except RayTaskError as error:
            if not isinstance(error.cause, RayError):
                raise error.cause from None
            reason: RayError = error.cause
        except RayError as error:
            reason = error
        _keeper.cache_clear()
    _log.warning("The data are not shared between the trials of this node: %s", str(reason).splitlines()[0])
    return load(config)


def _asked(config: "TrialConfig", load: "Load") -> "TrialData":
    keeper = _keeper(ray.get_runtime_context().get_node_id())
    (place,) = ray.get(keeper.data.remote(config, load))
    return _from_arrays(ray.get(place))


class _Keeper:
    """The process that reads; the latest that it has read stays in Ray's store, the rest as long as it is used."""

    def __init__(self) -> None:
        self._kept: dict[tuple[Any, ...], Any] = {}

    def data(self, config: "TrialConfig", load: "Load") -> list[Any]:
        """Give where the data of a trial lie, in a list: by itself Ray would fetch them."""
        key = tuple(getattr(config, name) for name in _KEYS)
        if key not in self._kept:
            while len(self._kept) >= _MOST_KEPT:  # trials that use it go on with it
                del self._kept[next(iter(self._kept))]
            self._kept[key] = ray.put(_as_arrays(load(config)))
        return [self._kept[key]]


@lru_cache(maxsize=1)
def _keeper(node: str) -> Any:
    """Find the process that reads on a node, or start it; it ends with the process that started it."""
    place = NodeAffinitySchedulingStrategy(node, soft=False)
    keeper = ray.remote(num_cpus=0)(_Keeper)
    return keeper.options(name=f"tuner-data-{node}", get_if_exists=True, scheduling_strategy=place).remote()


def _as_arrays(data: "TrialData") -> dict[str, Any]:
    parts = {
        part: (image_set.images.numpy(), image_set.labels.numpy())
        for part, image_set in (("train", data.train), ("validation", data.validation))
    }
    return {**parts, "class_names": data.class_names, "split_digest": data.split_digest}


def _from_arrays(arrays: dict[str, Any]) -> "TrialData":
    import torch

    from training.data import ImageSet, TrialData

    with warnings.catch_warnings():
        # That nobody may write to them: nobody does.
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
        train, validation = (ImageSet(*map(torch.from_numpy, arrays[part])) for part in ("train", "validation"))
    return TrialData(train, validation, arrays["class_names"], arrays["split_digest"])
