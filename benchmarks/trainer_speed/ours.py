"""The trainer itself, by its own epoch; its evaluation and the measurement at an epoch's end are left out."""

import time

import torch

from benchmarks.trainer_speed.work import Work
from training.trainer import Trainer


class OurTrainer:
    """Takes steps as `Trainer` does in a search."""

    attack = "the trainer's own"

    def __init__(self, work: Work, device: torch.device, steps: int) -> None:
        """`steps` are those of a round."""
        # One more before them, in which nothing is timed, and one after, which measures gradients by terms, too.
        self._trainer = Trainer(work.config, work.data(steps + 2), device)
        self._steps = steps

    @property
    def fallbacks(self) -> list[str]:
        """Say what the device did not allow."""
        return self._trainer.fallbacks

    def round(self) -> float:
        """Take the steps of a round and give their seconds."""
        moments = {}

        def note(step: int, steps: int) -> None:
            del steps
            if step in {1, 1 + self._steps}:
                if self._trainer.device.type == "cuda":
                    torch.cuda.synchronize()
                moments[step] = time.perf_counter()

        self._trainer.train_epoch(note)
        return moments[1 + self._steps] - moments[1]
