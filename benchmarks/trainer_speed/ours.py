"""The trainer's own steps, without its evaluation and without the gradient norms at an epoch's end."""

import time

import torch

from benchmarks.trainer_speed.work import Work
from training.trainer import Trainer


class OurTrainer:
    """Takes steps as `Trainer` does in a search."""

    attack = "the trainer's own"

    def __init__(self, work: Work, device: torch.device, steps: int) -> None:
        """`steps` are those of a round."""
        # One step before them is not timed; one after them also measures the gradient norms of the terms.
        self._trainer = Trainer(work.config, work.data(steps + 2), device)
        self._steps = steps

    @property
    def fallbacks(self) -> list[str]:
        """What the device did not allow."""
        return self._trainer.fallbacks

    def round(self) -> float:
        """Take the steps of a round and return their seconds."""
        moments = {}

        def note(step: int, steps: int) -> None:
            del steps
            if step in {1, 1 + self._steps}:
                if self._trainer.device.type == "cuda":
                    torch.cuda.synchronize()
                moments[step] = time.perf_counter()

        self._trainer.train_epoch(note)
        return moments[1 + self._steps] - moments[1]
