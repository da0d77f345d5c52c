"""Small data sets on disk for the tests of training.data: folders of images and MNIST's files."""

import gzip
import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.uint8]


def random_pixels(rng: np.random.Generator, *shape: int) -> Pixels:
    return rng.integers(0, 256, shape, dtype=np.uint8)


def write_image_folder(
    root: Path, classes: tuple[str, ...], count: int, shape: tuple[int, ...] = (4, 5, 3), seed: int = 0
) -> dict[str, Pixels]:
    """Write COUNT PNG files a class into both parts; return the pixels by path relative to `root`."""
    rng = np.random.default_rng(seed)
    written = {}
    for part in ("train", "test"):
        for name in classes:
            (root / part / name).mkdir(parents=True)
            for number in range(count):
                path = f"{part}/{name}/{number:03}.png"
                written[path] = random_pixels(rng, *shape)
                Image.fromarray(written[path]).save(root / path)
    return written


def write_idx(path: Path, array: Pixels) -> None:
    content = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


def write_mnist(root: Path, *, suffix: str = "", counts: tuple[int, int] = (50, 20)) -> dict[str, Pixels]:
    """Write the four files of MNIST, balanced classes; return the images by part."""
    folder = root / "MNIST" / "raw"
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    images = {}
    for part, prefix, count in (("train", "train", counts[0]), ("test", "t10k", counts[1])):
        images[part] = random_pixels(rng, count, 28, 28)
        write_idx(folder / f"{prefix}-images-idx3-ubyte{suffix}", images[part])
        write_idx(folder / f"{prefix}-labels-idx1-ubyte{suffix}", (np.arange(count) % 10).astype(np.uint8))
    return images
