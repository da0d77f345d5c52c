"""The files of one run outside a search: its configuration, one line of metrics for each epoch, its checkpoint."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from training.config import TrialConfig
from training.trainer.checkpoint import FILE_NAME
from training.yaml_text import format_yaml

CONFIG = "config.yaml"
METRICS = "metrics.jsonl"


class RunFolder:
    """`config.yaml`, `metrics.jsonl`, `checkpoint.pt` and `best.pt` in one folder, created by `begin`."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def has_checkpoint(self) -> bool:
        """Whether there is a checkpoint to continue from."""
        return (self.path / FILE_NAME).is_file()

    def begin(self, config: TrialConfig, history: Sequence[Mapping[str, float]]) -> None:
        """Write the configuration and the metrics of the epochs in `history`, which are already trained.

        The metrics are written anew. A run may have died between a checkpoint and its line, or after a line whose epoch
        is trained again: appending would leave out or repeat a line.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        (self.path / CONFIG).write_text(format_yaml(config.to_mapping()), "utf-8")
        (self.path / METRICS).write_text("", "utf-8")
        for epoch, metrics in enumerate(history, start=1):
            self.append(epoch, metrics)

    def append(self, epoch: int, metrics: Mapping[str, float]) -> None:
        """Append the line of one epoch: a JSON object with `epoch`, counting from 1, and its metrics."""
        with (self.path / METRICS).open("a", encoding="utf-8") as file:
            file.write(json.dumps({"epoch": epoch, **metrics}) + "\n")
