"""The 8 x 8 digits that come with scikit-learn: no download, and a training takes seconds."""

from pathlib import Path

import numpy as np
import torch

from training.data.data_set import DataSet
from training.data.image_source import DataError, InMemorySource, Part
from training.data.split import part_of_one_set
from training.registry import DATASETS


@DATASETS.register("digits")
class Digits(DataSet):
    """The digits of scikit-learn, which need no files."""

    def open(self, root: Path, part: Part) -> InMemorySource:
        """Return one part, whatever the root is."""
        del root
        return open_digits(part)


def open_digits(part: Part) -> InMemorySource:
    """Read one part of 1,797 images (1, 8, 8) of 10 classes; a fixed stratified fifth of them is the test part.

    The values 0..16 become 0..255. Source: sklearn.datasets.load_digits (UCI optical recognition of
    handwritten digits, test part). Raise DataError if scikit-learn is not installed.
    """
    try:
        # Inside the function: a machine that trains on other data needs no scikit-learn.
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise DataError(
            f"The data set 'digits' comes with scikit-learn, but scikit-learn cannot be imported ({error}). "
            "Install it with: pip install scikit-learn",
            "scikit-learn",
        ) from error
    digits = load_digits()
    pixels = torch.from_numpy(np.rint(digits.images * 255 / 16).astype(np.uint8)).unsqueeze(1)
    labels = torch.from_numpy(digits.target.astype(np.int64))
    names = tuple(str(name) for name in digits.target_names)
    indices = part_of_one_set(labels, names, part)
    return InMemorySource(names, labels[indices], pixels[indices])
