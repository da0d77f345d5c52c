"""The choice of the images to evaluate, and the hash that identifies them."""

import hashlib

import torch
from torch import Tensor

from training.attacks.adversary import AttackError
from training.data import ImageSet


def balanced_subset(labels: Tensor, count: int, *, seed: int = 0) -> Tensor:
    """Return the sorted indices of `count` images, balanced over the classes, (count,) int64.

    They are drawn without replacement by `seed`. The counts of two classes differ by at most one, unless a class has
    too few images. `labels` is (n,). Raise AttackError unless 1 <= count <= n.
    """
    if not 1 <= count <= len(labels):
        raise AttackError(
            f"The number of images is {count}, but must be from 1 to {len(labels)}, the size of the test set.", "images"
        )
    generator = torch.Generator().manual_seed(seed)
    shuffled = torch.randperm(len(labels), generator=generator)
    # The rank of each image within its class: the lowest ranks of all classes come first.
    rank = torch.empty(len(labels), dtype=torch.int64)
    for label in sorted(set(labels.tolist())):
        members = torch.nonzero(labels[shuffled].cpu() == label).flatten()
        rank[members] = torch.arange(len(members))
    order = rank.argsort(stable=True)[:count]
    return shuffled[order].sort().values


def images_digest(image_set: ImageSet) -> str:
    """Return the first 16 hexadecimal digits of the SHA-256 hash of images and labels, in their order."""
    digest = hashlib.sha256(str(tuple(image_set.images.shape)).encode())
    digest.update(image_set.labels.cpu().numpy().astype("<i8").tobytes())
    digest.update(image_set.images.contiguous().cpu().numpy().tobytes())
    return digest.hexdigest()[:16]
