"""Weights from a file: what fits is taken, what does not is named, and a file of another network is refused."""

import hashlib
from pathlib import Path
from typing import Any

import pytest
import torch
from raises_about import raises_about
from stand_ins import make_config
from torch import Tensor, nn

from training.config import ConfigError, parse_trial
from training.models import Classifier, build_model
from training.models.start_weights import load_start_weights
from training.models.weights_file import WeightsError
from training.trainer.checkpoint import save_checkpoint

SHAPE = (1, 8, 8)


def model(classes: int = 10, seed: int = 0, **values: Any) -> Classifier:
    config = parse_trial({"dataset": "digits", "architecture": "digits_cnn", "bottleneck": 8, **values})
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return build_model(config, classes, SHAPE)


def same(one: nn.Module, other: nn.Module) -> bool:
    pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


def forms(of: Classifier) -> dict[str, Any]:
    whole, network = of.state_dict(), of.backbone.state_dict()
    return {
        "whole": whole,
        "network": network,
        "container": {"state_dict": network, "epoch": 90},
        "several GPUs": {"net": {f"module.{key}": value for key, value in network.items()}},
        "compiled": {f"_orig_mod.{key}": value for key, value in whole.items()},
    }


@pytest.mark.parametrize("form", ["whole", "network", "container", "several GPUs", "compiled"])
def test_every_form_of_file_is_taken(tmp_path: Path, form: str) -> None:
    source, target = model(seed=1), model(seed=2)
    path = tmp_path / "weights.pt"
    torch.save(forms(source)[form], path)
    found = load_start_weights(target, path)
    assert same(target.backbone, source.backbone)
    assert same(target, source) == (form in ("whole", "compiled"))
    assert found.digest == hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    assert found.left_out == ()


def test_a_checkpoint_of_this_project_is_taken(tmp_path: Path) -> None:
    source, target = model(seed=1), model(seed=2)
    save_checkpoint(tmp_path, make_config(), {"epoch": 1, "model": source.state_dict()})
    load_start_weights(target, tmp_path / "checkpoint.pt")
    assert same(target, source)


def test_a_classifier_of_other_classes_is_left_out_and_named(tmp_path: Path) -> None:
    source, target = model(classes=7, seed=1), model(seed=2)
    before = target.head.state_dict()["weight"].clone()
    torch.save(source.state_dict(), tmp_path / "weights.pt")
    found = load_start_weights(target, tmp_path / "weights.pt")
    assert same(target.backbone, source.backbone)
    assert same(target.bottleneck, source.bottleneck)
    assert torch.equal(target.head.state_dict()["weight"], before)
    assert found.left_out == ("head.weight (7, 8)", "head.bias (7,)")
    assert found.drawn == ("head.weight", "head.bias")
    assert "head.weight" in found.line


def without_most(states: dict[str, Tensor]) -> dict[str, Tensor]:
    return dict(list(states.items())[:2])


def test_a_file_of_another_network_is_refused(tmp_path: Path) -> None:
    path, target = tmp_path / "weights.pt", model()
    before = {key: value.clone() for key, value in target.state_dict().items()}
    states = model(seed=1).backbone.state_dict()
    spoiled = {**states, "0.weight": torch.full_like(states["0.weight"], torch.nan)}
    contents = [model(architecture="resnet18").state_dict(), without_most(states), {"epoch": 3}, [1, 2], spoiled]
    for content in contents:
        torch.save(content, path)
        with pytest.raises(ConfigError) as caught:
            load_start_weights(target, path)
        assert [key for key, _ in caught.value.problems] == ["start_weights"]
        assert str(path) in str(caught.value)
    assert all(torch.equal(value, before[key]) for key, value in target.state_dict().items())


def test_a_file_that_is_none_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "weights.pt"
    for content in (b"", b"text"):
        path.write_bytes(content)
        with raises_about(WeightsError, path):
            load_start_weights(model(), path)
    torch.save(model(), path)  # an object: its code would run
    with raises_about(WeightsError, path):
        load_start_weights(model(), path)
    with pytest.raises(FileNotFoundError):
        load_start_weights(model(), tmp_path / "absent.pt")
