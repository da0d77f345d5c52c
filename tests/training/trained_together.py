"""Trials that two processes train together, on CPUs over gloo, and their states and metrics afterwards."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from stand_ins import make_config, make_data
from torch import nn
from torch.multiprocessing.spawn import spawn

from training.parallel import Group, joined
from training.trainer import Trainer

Found = list[dict[str, Any]]
PROCESSES = 2


def trained_by_two(folder: Path, train: Callable[..., Found], *arguments: Any) -> list[Found]:
    """Give what `train(group, *arguments)` gives in each of two processes that have joined."""
    spawn(_process, (folder, train, arguments), nprocs=PROCESSES)  # type: ignore[no-untyped-call]
    return [torch.load(folder / f"{rank}.pt", weights_only=True) for rank in range(PROCESSES)]


def _process(rank: int, folder: Path, train: Callable[..., Found], arguments: tuple[Any, ...]) -> None:
    torch.set_num_threads(1)
    with joined(rank, PROCESSES, folder / "meeting", torch.device("cpu")) as group:
        torch.save(train(group, *arguments), folder / f"{rank}.pt")


def train_each(group: Group, changes: list[dict[str, Any]], side: int = 8) -> Found:
    """Train two epochs of each configuration, without dropout: its masks are drawn for the rows of a process."""
    found = []
    for change in changes:
        trainer = Trainer(make_config(epochs=2, **change), make_data(side=side), "cpu", group)
        for module in trainer.model.modules():
            if isinstance(module, nn.Dropout):
                module.p = 0.0
        metrics = [trainer.train_epoch() for _ in range(2)]
        found.append({"state": trainer.state(), "metrics": metrics})
    return found


def train_with_a_break(group: Group, folder: str) -> Found:
    """Train two epochs in one go, and again with a checkpoint between them; each with batch norm and crops."""
    config = make_config(epochs=2, augmentation="crop_flip")
    whole = Trainer(config, make_data(), "cpu", group)
    metrics = [whole.train_epoch() for _ in range(2)]
    first = Trainer(config, make_data(), "cpu", group)
    first.train_epoch()
    place = Path(folder) / str(group.rank)  # as if each process had its own copy
    first.save(place)
    second = Trainer(config, make_data(), "cpu", group)
    second.restore(place)
    second.train_epoch()
    return [{"state": whole.state(), "metrics": metrics}, {"state": second.state(), "metrics": list(second.history)}]
