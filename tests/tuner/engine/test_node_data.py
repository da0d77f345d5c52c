"""The data of a trial on the node that it runs on."""

from functools import partial
from typing import Any

from raises_about import raises_about
from simulated_search import small_space

from training.data import DataError, load_trial_data
from tuner.engine.node_data import load_on_this_node, load_or_download

POINT = {"alpha": 0.5, "lambda": 1.0, "bottleneck": 8}


def test_a_node_with_other_validation_images_is_refused() -> None:
    config = small_space().trial_config(POINT)
    digest = load_trial_data(config).split_digest
    assert load_on_this_node(config, digest).split_digest == digest
    assert load_on_this_node(config, None).split_digest == digest
    with raises_about(DataError, (digest, "another")):
        load_on_this_node(config, "another")


def test_a_node_without_the_data_downloads_them_once() -> None:
    config = small_space().trial_config(POINT)
    data = load_trial_data(config)
    downloads: list[Any] = []

    def load(asked: Any) -> Any:
        if not downloads:
            raise DataError(f"{asked.data_root} is empty")
        return data

    read = partial(load_or_download, load=load, download=downloads.append)
    assert load_on_this_node(config, data.split_digest, read) is data
    assert load_on_this_node(config, data.split_digest, read) is data
    assert downloads == [config]
