"""Which images are evaluated, and by which hash they are known."""

import hashlib

import torch
from torch import Tensor

from training.attacks.adversary import AttackError
from training.data import ImageSet


def balanced_subset(labels: Tensor, count: int, *, seed: int = 0) -> Tensor:
    """Return the sorted indices of `count` images with as many of every class as possible, (count,) int64.

    Drawn without replacement by `seed`; classes differ by one image at most, unless one has too few. Raise
    AttackError unless 1 <= count <= len(labels), `labels` being (n,).
    """
    if not 1 <= count <= len(labels):
        raise AttackError(
            f"The number of images is {count}, but must be from 1 to {len(labels)}, the images there are."
        )
    generator = torch.Generator().manual_seed(seed)
    shuffled = torch.randperm(len(labels), generator=generator)
    # Each image's rank among those of its class: the lowest ranks of all classes come first.
    rank = torch.empty(len(labels), dtype=torch.int64)
    for label in sorted(set(labels.tolist())):
        members = torch.nonzero(labels[shuffled].cpu() == label).flatten()
        rank[members] = torch.arange(len(members))
    order = rank.argsort(stable=True)[:count]
    return shuffled[order].sort().values


def images_digest(image_set: ImageSet) -> str:
    """Return the first 16 hexadecimal digits of the SHA-256 of images and labels, in their order."""
    digest = hashlib.sha256(str(tuple(image_set.images.shape)).encode())
    digest.update(image_set.labels.cpu().numpy().astype("<i8").tobytes())
    digest.update(image_set.images.contiguous().cpu().numpy().tobytes())
    return digest.hexdigest()[:16]
