"""Reads the IDX format of the MNIST files, uncompressed or compressed by gzip."""

import gzip
import math
import struct
import zlib
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from training.data.image_source import DataError

_UINT8 = 8
_WAY_OUT = "Remove the file and download the data set again."


def find_idx(folder: Path, name: str) -> Path | None:
    """Return FOLDER/NAME if it is a file, otherwise FOLDER/NAME.gz, or None if neither is a file."""
    return next((path for path in (folder / name, folder / f"{name}.gz") if path.is_file()), None)


def read_idx(path: Path, dimensions: int) -> Tensor:
    """Read a uint8 array with so many `dimensions`. Raise DataError if the file is damaged or contains another array.

    Format: bytes 0, 0, type, number of dimensions, then each size as a big-endian 32-bit integer, then the
    values (yann.lecun.com/exdb/mnist). torchvision can read only the uncompressed files.
    """
    layout = struct.Struct(f">HBB{dimensions}I")
    try:
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        header = layout.unpack_from(content)
    except (OSError, EOFError, zlib.error, struct.error) as error:
        raise DataError(f"{path} cannot be read ({error}). {_WAY_OUT}", path) from error
    sizes = header[3:]
    if header[:3] != (0, _UINT8, dimensions) or len(content) - layout.size != math.prod(sizes):
        raise DataError(
            f"{path} begins with {content[: layout.size].hex(' ')} and has {len(content)} bytes, but must be "
            f"an IDX file of {dimensions}-dimensional uint8 data, as long as its header says. {_WAY_OUT}",
            path,
        )
    values = np.frombuffer(content, dtype=np.uint8, offset=layout.size)
    return torch.from_numpy(values.reshape(sizes).copy())
