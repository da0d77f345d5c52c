"""One trial's state in a folder: written whole or not at all, read without running code from the file."""

import os
import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from training.config import ConfigError, TrialConfig

FILE_NAME = "checkpoint.pt"
BEST_NAME = "best.pt"
FORMAT = 1

# Where the data lie may change between machines; every other key changes the numbers that follow.
FREE_KEYS = frozenset({"data_root"})


class CheckpointError(Exception):
    """A checkpoint is missing, damaged or from another configuration."""


def save_checkpoint(folder: Path, config: TrialConfig, state: Mapping[str, Any], *, name: str = FILE_NAME) -> None:
    """Write the file `name` in `folder`, replacing an earlier one at once; `state` holds tensors and plain values.

    A process that dies meanwhile leaves the earlier checkpoint as it was.
    """
    folder.mkdir(parents=True, exist_ok=True)
    unfinished = folder / f"{name}.{os.getpid()}.tmp"
    content = {"format": FORMAT, "config": config.to_mapping(), "state": dict(state)}
    try:
        with unfinished.open("wb") as file:
            torch.save(content, file)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(folder / name)
    finally:
        unfinished.unlink(missing_ok=True)


def load_checkpoint(folder: Path, config: TrialConfig) -> dict[str, Any]:
    """Read the state that `save_checkpoint` wrote for `config`, its tensors on the CPU.

    Raise CheckpointError if the file is missing, damaged, of another format or of another configuration.
    """
    path = folder / FILE_NAME
    content = _content(path)
    differences = _differences(content["config"], config.to_mapping())
    if differences:
        raise CheckpointError(
            f"{path} belongs to another configuration ({'; '.join(differences)});"
            " use the configuration it was written with, or another folder."
        )
    state: dict[str, Any] = content["state"]
    return state


def read_checkpoint(folder: Path) -> tuple[TrialConfig, dict[str, Any]]:
    """Read a checkpoint with the configuration that it was written with, for use of its weights.

    A key that did not exist then has its default: what an earlier release did without the key. Raise
    CheckpointError as `load_checkpoint`, or if this release does not know a key of it.
    """
    path = folder / FILE_NAME
    content = _content(path)
    try:
        return TrialConfig.from_mapping(content["config"]), content["state"]
    except ConfigError as error:
        raise CheckpointError(f"{path} was written by another release ({error}); use that one.") from error


def _content(path: Path) -> dict[str, Any]:
    content = _read(path)
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise CheckpointError(f"{path} is not a checkpoint of format {FORMAT}; it was written by something else.")
    return content


def _read(path: Path) -> Any:
    try:
        _verify_checksums(path)
        return torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise CheckpointError(f"{path} does not exist; nothing was saved there yet.") from None
    except (OSError, RuntimeError, ValueError, zipfile.BadZipFile, pickle.UnpicklingError) as error:
        raise CheckpointError(
            f"{path} cannot be read, it is damaged or no checkpoint ({error}); start again, or from an earlier copy."
        ) from error


def _verify_checksums(path: Path) -> None:
    """Raise BadZipFile if a byte has changed; `torch.load` ignores the checksums that `torch.save` writes."""
    with zipfile.ZipFile(path) as archive:
        damaged = archive.testzip()
    if damaged is not None:
        raise zipfile.BadZipFile(f"the checksum of {damaged} is wrong")


def _differences(saved: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[str]:
    """Name each key whose values differ, with both values."""
    missing = object()
    return [
        f"{key} is {saved.get(key, 'absent')!r} there, but {wanted.get(key, 'absent')!r} here"
        for key in sorted((saved.keys() | wanted.keys()) - FREE_KEYS)
        if saved.get(key, missing) != wanted.get(key, missing)
    ]
