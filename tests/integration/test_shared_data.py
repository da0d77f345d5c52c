"""Data that the trials of a node share, through Ray: several processes ask for them, one reads them."""

from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import ray
import torch
from raises_about import raises_about

from training.config import TrialConfig, parse_trial
from training.data import DataError
from tuner.engine.node_data import load_shared, node_reader

pytestmark = pytest.mark.slow


def config_of(split_seed: int) -> TrialConfig:
    return parse_trial({"dataset": "cifar10", "split_seed": split_seed})


@pytest.fixture(scope="module", autouse=True)
def _cluster() -> Iterator[None]:
    ray.init(num_cpus=4, include_dashboard=False)
    yield
    ray.shutdown()


def reading(log: Path) -> Callable[[TrialConfig], Any]:
    """Return a function that makes four images as data, and writes a line into `log` at each call."""

    def load(config: TrialConfig) -> Any:
        import torch

        from training.data import ImageSet, TrialData

        with log.open("a") as file:
            file.write(f"{config.split_seed}\n")
        images = torch.arange(4 * 12, dtype=torch.uint8).view(4, 3, 2, 2) + config.split_seed
        image_set = ImageSet(images, torch.arange(4))
        return TrialData(image_set, image_set, ("a", "b", "c", "d"), f"digest {config.split_seed}")

    return load


def load_in_processes(count: int, config: TrialConfig, load: Callable[[TrialConfig], Any]) -> list[dict[str, Any]]:
    """Load the data as `count` trials do, each in a process of its own; return what each found.

    Each process lives until all have loaded, as trials do: the reader ends with the process that started it.
    """

    @ray.remote(num_cpus=1, max_calls=1)
    def task(folder: Path) -> dict[str, Any]:
        import os
        import time

        data = load_shared(config, load)
        (folder / str(os.getpid())).touch()
        while len(list(folder.iterdir())) < count:
            time.sleep(0.05)
        return {"sum": int(data.train.images.long().sum()), "digest": data.split_digest, "process": os.getpid()}

    with TemporaryDirectory() as folder:
        return ray.get([task.remote(Path(folder)) for _ in range(count)])


def test_one_process_reads_for_all(tmp_path: Path) -> None:
    log = tmp_path / "log"
    found = load_in_processes(4, config_of(0), reading(log))
    assert {(f["sum"], f["digest"]) for f in found} == {(sum(range(48)), "digest 0")}
    assert len({f["process"] for f in found}) == 4
    assert log.read_text().splitlines() == ["0"]
    other = parse_trial({"dataset": "cifar10", "split_seed": 1, "alpha": 0.3})
    assert {f["digest"] for f in load_in_processes(2, other, reading(log))} == {"digest 1"}
    assert log.read_text().splitlines() == ["0", "1"], "another split is read once, too"


def test_a_process_finds_again_what_was_read_for_an_earlier_trial_of_it(tmp_path: Path) -> None:
    log = tmp_path / "log"
    config = config_of(3)
    first, second = load_shared(config, reading(log)), load_shared(config, reading(log))
    assert first.train.images.data_ptr() == second.train.images.data_ptr(), "the same memory"
    assert log.read_text().splitlines() == ["3"]


def test_a_reader_that_was_killed_is_replaced(tmp_path: Path) -> None:
    log = tmp_path / "log"
    config = config_of(4)
    first = load_shared(config, reading(log))
    ray.kill(node_reader())
    for _ in range(3):
        assert torch.equal(load_shared(config, reading(log)).train.images, first.train.images)
    assert log.read_text().splitlines() == ["4", "4"], "once by each of the two"


def test_of_many_splits_the_latest_are_kept(tmp_path: Path) -> None:
    log = tmp_path / "log"
    for seed in (5, 6, 7, 6, 5):
        assert load_shared(config_of(seed), reading(log)).split_digest == f"digest {seed}"
    assert log.read_text().splitlines() == ["5", "6", "7", "5"]


def test_what_the_reader_raises_is_raised_as_it_is() -> None:
    def load(config: TrialConfig) -> Any:
        raise DataError("The folder is empty.", config.data_root)

    with raises_about(DataError, "data") as raised:
        load_shared(config_of(2), load)
    assert str(raised.value) == "The folder is empty."


def test_without_room_in_rays_store_each_reads_for_itself(tmp_path: Path) -> None:
    def no_room() -> Any:
        raise ray.exceptions.ObjectStoreFullError

    log = tmp_path / "log"
    assert load_shared(config_of(0), reading(log), no_room).split_digest == "digest 0"
    assert log.read_text().splitlines() == ["0"]
