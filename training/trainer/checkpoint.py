"""The state of one trial in a file: written completely or not at all, and read without running code from it."""

import io
import os
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import torch

from training.atomic_write import atomic_write
from training.config import IDLE_KEYS, ConfigError, TrialConfig, parse_trial
from training.explained_error import ExplainedError
from training.outside_code import PlugInError, import_all
from training.registry import outside_modules

FILE_NAME = "checkpoint.pt"
BEST_NAME = "best.pt"
FORMAT = 1
_SEAL = b"crc32:"
_LENGTH_BYTES = 2
_CHUNK_BYTES = 1 << 24


class CheckpointError(ExplainedError):
    """A checkpoint is missing, damaged or from another configuration."""


class StorageError(CheckpointError):
    """The storage cannot be read now. The checkpoint may be whole, and a later attempt may succeed."""


def save_checkpoint(folder: Path, config: TrialConfig, state: Mapping[str, Any], *, name: str = FILE_NAME) -> None:
    """Write the file `name` in `folder`, in one step; `state` holds tensors and plain values.

    If the process dies meanwhile, the earlier checkpoint stays as it was.
    """
    folder.mkdir(parents=True, exist_ok=True)
    content = {"format": FORMAT, "config": config.to_mapping(), "state": dict(state)}
    with atomic_write(folder / name, durable=True) as file:
        torch.save(content, file)
        _seal(file)


def load_checkpoint(folder: Path, config: TrialConfig) -> dict[str, Any]:
    """Return the state that `save_checkpoint` wrote for `config`, with tensors on the CPU.

    Raise CheckpointError if the file is missing, damaged, of another format or of another configuration. Raise its
    subclass StorageError if the file cannot be read for another reason.
    """
    path = folder / FILE_NAME
    content = _content(path)
    differences = _differences(content["config"], config.to_mapping())
    if differences:
        raise CheckpointError(
            f"{path} belongs to another configuration ({'; '.join(differences.values())});"
            " use the configuration it was written with, or another folder.",
            (path, *differences),
        )
    state: dict[str, Any] = content["state"]
    return state


def find_checkpoint(path: Path) -> Path:
    """Return a file itself, or a folder's last checkpoint, else its best one.

    Raise CheckpointError if a folder has none, and its subclass StorageError if the folder cannot be read.
    """
    try:
        if not path.is_dir():
            return path
        for name in (FILE_NAME, BEST_NAME):
            if (path / name).is_file():
                return path / name
    except OSError as error:
        raise _out_of_reach(path, error) from error
    raise CheckpointError(
        f"{path} has neither {FILE_NAME} nor {BEST_NAME}; name the output folder of a training, or a checkpoint file. "
        "An exported model has no checkpoint: name that of its trial.",
        path,
    )


def read_checkpoint(path: Path) -> tuple[TrialConfig, dict[str, Any]]:
    """Return the configuration and the state of a file, with tensors on the CPU, for the use of its weights.

    Raise CheckpointError as `load_checkpoint` does, or if the configuration lacks a key or has an invalid one.
    """
    content = _content(path)
    _import_code(path, content.get("config"))
    try:
        saved = content["config"]
        config, state = parse_trial(saved), dict(content["state"])
        absent = [key for key in config.to_mapping() if key not in saved]
    except (KeyError, TypeError, AttributeError, ConfigError) as error:
        wrong = [key for key, _ in error.problems] if isinstance(error, ConfigError) else ["config"]
        message = f"{path} holds no configuration that this version knows ({error}); use the one that wrote it."
        raise CheckpointError(message, (path, *wrong)) from error
    if absent:
        raise CheckpointError(
            f"{path} holds a configuration without {', '.join(absent)}, but a checkpoint has every key; use the version"
            " that wrote it, or train again.",
            (path, *absent),
        )
    return config, state


def _import_code(path: Path, saved: Any) -> None:
    """Import the code from outside that a saved configuration names; raise CheckpointError with the way to it."""
    if not isinstance(saved, dict) or not isinstance(saved.get("imports"), list):
        return
    try:
        import_all([*saved["imports"], *outside_modules(saved.values())])
    except PlugInError as error:
        message = f"{path} was trained with code from outside, but {error}. Run the command in the folder of that code."
        raise CheckpointError(message, (path, error.subject)) from error


def _content(path: Path) -> dict[str, Any]:
    content = _read(path)
    found = content.get("format") if isinstance(content, dict) else None
    if found != FORMAT:
        raise CheckpointError(
            f"{path} has the format {found}, but this version reads checkpoints of format {FORMAT}. Use the version"
            " that wrote it, or train again.",
            (path, "format"),
        )
    return dict(content)


def _read(path: Path) -> Any:
    try:
        content = path.read_bytes()  # read first: zipfile would report a broken connection as a damaged file
    except (FileNotFoundError, NotADirectoryError):
        raise CheckpointError(f"{path} does not exist: it was not written yet, or was deleted.", path) from None
    except OSError as error:
        raise _out_of_reach(path, error) from error
    try:
        _verify(content)
        return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except Exception as error:
        raise CheckpointError(
            f"{path} cannot be read, it is damaged or not a checkpoint ({error}); start again, or use an earlier copy.",
            path,
        ) from error


def _out_of_reach(path: Path, error: OSError) -> StorageError:
    return StorageError(f"{path} cannot be read ({error}); try again when its storage can be reached.", path)


def _seal(file: BinaryIO) -> None:
    """Append the checksum of the file, a zip archive, as the archive's comment.

    The last two bytes of an archive hold the length of its comment. `torch.load` ignores the checksums of the
    members, and the directory of an archive has none.
    """
    end = file.seek(-_LENGTH_BYTES, os.SEEK_END)
    file.seek(0)
    checksum = 0
    for start in range(0, end, _CHUNK_BYTES):
        checksum = zlib.crc32(file.read(min(_CHUNK_BYTES, end - start)), checksum)
    seal = _seal_of(checksum)
    file.seek(end)
    file.write(len(seal).to_bytes(_LENGTH_BYTES, "little") + seal)


def _seal_of(checksum: int) -> bytes:
    return _SEAL + f"{checksum:08x}".encode()


def _verify(content: bytes) -> None:
    """Raise BadZipFile if a byte has changed since `_seal`, or if there is no such checksum."""
    length = len(_seal_of(0))
    checksum = zlib.crc32(memoryview(content)[: -length - _LENGTH_BYTES])
    if content[-length:] != _seal_of(checksum):
        raise zipfile.BadZipFile("its checksum is wrong or missing")


def _differences(saved: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, str]:
    """Return a text for each key whose values differ, with both values."""
    missing = object()
    return {
        key: f"{key} is {saved.get(key, 'absent')!r} there, but {wanted.get(key, 'absent')!r} here"
        for key in sorted((saved.keys() | wanted.keys()) - IDLE_KEYS)
        if saved.get(key, missing) != wanted.get(key, missing)
    }
