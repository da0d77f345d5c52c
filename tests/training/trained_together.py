"""Trials that several processes train together on CPUs with gloo, and their states and metrics afterwards."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
from stand_ins import make_config, make_data
from torch import nn
from torch.multiprocessing.spawn import spawn

from training.compute.parallel import Group, join_group
from training.trainer import DivergedError, Trainer

Found = list[dict[str, Any]]


def trained_by(size: int, folder: Path, train: Callable[..., Found], *arguments: Any) -> list[Found]:
    """Run `train(group, *arguments)` in each of `size` processes of a group and return their results."""
    spawn(_process, (size, folder, train, arguments), nprocs=size)  # type: ignore[no-untyped-call]
    return [torch.load(folder / f"{rank}.pt", weights_only=True) for rank in range(size)]


def _process(rank: int, size: int, folder: Path, train: Callable[..., Found], arguments: tuple[Any, ...]) -> None:
    torch.set_num_threads(1)
    with join_group(rank, size, folder / "meeting", torch.device("cpu")) as group:
        torch.save(train(group, *arguments), folder / f"{rank}.pt")


def train_each(group: Group, changes: list[dict[str, Any]], side: int = 8) -> Found:
    """Train up to three epochs of each configuration, without dropout: each process draws masks for its rows alone."""
    found = []
    with patch.object(nn.Dropout, "forward", lambda _, images: images):
        for change in changes:
            trainer = Trainer(make_config(epochs=2, **change), make_data(side=side), "cpu", group)
            metrics = [trainer.train_epoch() for _ in range(min(3, trainer.epochs))]
            found.append({"state": trainer.state(), "metrics": metrics})
    return found


def train_with_a_break(group: Group, folder: str) -> Found:
    """Train two epochs without a break, and again with a checkpoint between them; both with batch norm and crops."""
    config = make_config(epochs=2, augmentation="crop_flip")
    whole = Trainer(config, make_data(), "cpu", group)
    metrics = [whole.train_epoch() for _ in range(2)]
    first = Trainer(config, make_data(), "cpu", group)
    first.train_epoch()
    place = Path(folder) / str(group.rank)  # each process has a copy of its own
    first.save(place)
    second = Trainer(config, make_data(), "cpu", group)
    second.restore(place)
    second.train_epoch()
    return [{"state": whole.state(), "metrics": metrics}, {"state": second.state(), "metrics": list(second.history)}]


def diverge(group: Group) -> Found:
    """Train with a learning rate at which the loss is not finite; return the term and epoch of the error."""
    trainer = Trainer(make_config(epochs=2, learning_rate=1e30), make_data(), "cpu", group)
    try:
        trainer.train_epoch()
    except DivergedError as error:
        return [{"term": error.term, "epoch": error.epoch}]
    return []
