"""Reads files of weights that any program wrote by `torch.save`, without running code from them."""

import io
import pickle
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from training.explained_error import ExplainedError

CONTAINERS = ("state_dict", "model", "net")
# What the wrappers for several GPUs and for compilation put before each name.
_PREFIXES = ("module.", "_orig_mod.")


class WeightsError(ExplainedError):
    """A file of weights is missing, damaged, or holds something else; the subject is its path."""


def read_tensors(path: Path) -> object:
    """Return what `torch.save` wrote, on the CPU. Raise WeightsError if it is no file of plain values and tensors."""
    try:
        return tensors_in(path.read_bytes(), path)
    except OSError as error:
        raise WeightsError(f"{path} cannot be read ({error.strerror}).", path) from error


def tensors_in(content: bytes, path: Path) -> object:
    """Return what the bytes of a file hold; `path` is for errors. Raise WeightsError as `read_tensors` does."""
    try:
        return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise WeightsError(
            f"{path} holds other objects than tensors and plain values, or is no file of torch.save: write it with"
            " torch.save(model.state_dict(), FILE).",
            path,
        ) from error
    except Exception as error:  # bytes that are no file of torch may be taken for any instruction of a pickle
        reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
        raise WeightsError(f"{path} is damaged, or no file of torch.save ({reason}).", path) from error


def states_in(content: object) -> dict[str, Tensor] | None:
    """Return the state_dict that a file holds, plain or below one of the usual keys, without prefixes of wrappers.

    Return None if there is none.
    """
    inner = [content[key] for key in CONTAINERS if key in content] if isinstance(content, Mapping) else []
    for found in (*inner, content):
        if isinstance(found, Mapping) and found and all(isinstance(value, Tensor) for value in found.values()):
            return {_bare(str(key)): value for key, value in found.items()}
    return None


def is_checkpoint(content: object) -> bool:
    """Return whether a file is a checkpoint of this project."""
    return isinstance(content, Mapping) and {"format", "config", "state"} <= content.keys()


def _bare(key: str) -> str:
    for prefix in _PREFIXES:
        key = key.removeprefix(prefix)
    return key
