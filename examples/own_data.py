"""Search on data of your own: three classes of noisy waves, made in this file.

Run, in the folder `examples`:
    tuner run --space digits_tradeoff --set dataset=own_data:Waves --trials 4 --epochs 3
"""

from pathlib import Path

import torch

from training.data.data_set import DataSet
from training.data.image_source import InMemorySource, Part

SIZE = 8


class Waves(DataSet):
    """900 training and 300 test images (1, 8, 8) of waves that run across, down, or along the diagonal."""

    def open(self, root: Path, part: Part) -> InMemorySource:
        """Return one part: class names, labels, and images of whole numbers from 0 to 255.

        The same call must return the same images. `root` is `data_root`; there are no files to read from it here.
        """
        del root
        count, seed = (900, 1) if part == "train" else (300, 2)
        generator = torch.Generator().manual_seed(seed)
        labels = torch.arange(count) % 3
        row, column = torch.meshgrid(torch.arange(SIZE), torch.arange(SIZE), indexing="ij")
        along = torch.stack([column, row, row + column])[labels]
        phase = 6.28 * torch.rand(count, 1, 1, generator=generator)
        waves = 96 * torch.sin(1.5 * along + phase) + 128
        noise = 24 * torch.randn(count, SIZE, SIZE, generator=generator)
        images = (waves + noise).clamp(0, 255).to(torch.uint8).unsqueeze(1)
        return InMemorySource(("across", "down", "diagonal"), labels, images)
