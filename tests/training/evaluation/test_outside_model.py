"""Models of other programs: how they are built, which files of weights they take, and what is refused."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from plug_ins import plug_ins
from raises_about import raises_about
from stand_ins import make_config, random_states
from torch import nn

from training.evaluation.outside_model import (
    OutsideModel,
    OutsideModelError,
    build_outside_model,
)
from training.models.weights_file import states_in
from training.outside_sources import source_hash
from training.trainer.checkpoint import save_checkpoint

NETS = """
import torch
from torch import nn

class Net(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Flatten(), nn.Linear(64, 10))

def parallel():
    return nn.DataParallel(Net())

def number():
    return 3

def needy(depth):
    return Net()

READY = Net()
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path) -> Iterator[Path]:
    with plug_ins(tmp_path, {"nets_of_tests.py": NETS}) as found:
        yield found


def build(attribute: str = "Net", weights: Path | None = None) -> OutsideModel:
    return build_outside_model(f"nets_of_tests:{attribute}", weights, dataset="digits", threat_model="Linf")


def test_a_class_a_function_and_a_model_itself_will_do(folder: Path) -> None:
    before = random_states()
    for attribute in ("Net", "parallel", "READY"):
        found = build(attribute)
        assert not found.model.training
        assert found.origin == {
            "model": f"nets_of_tests:{attribute}",
            "model_file": str(folder / "nets_of_tests.py"),
            "source_hash": source_hash("nets_of_tests"),
            "weights_file": None,
        }
    assert random_states() == before
    again = (build().model.state_dict(), build().model.state_dict())
    assert all(torch.equal(value, again[1][key]) for key, value in again[0].items())


@pytest.mark.parametrize("key", [None, "state_dict", "model", "net"])
@pytest.mark.parametrize("prefix", ["", "module."])
def test_weights_are_found_below_the_usual_keys_and_without_the_prefix(
    folder: Path, key: str | None, prefix: str
) -> None:
    state = {f"{prefix}1.weight": torch.rand(10, 64), f"{prefix}1.bias": torch.rand(10)}
    content = state if key is None else {"epoch": 7, "accuracy": 0.5, key: state}
    torch.save(content, folder / "file.pt")
    for attribute in ("Net", "parallel"):
        found = build(attribute, folder / "file.pt")
        weights = [value for name, value in found.model.state_dict().items() if name.endswith("weight")]
        assert torch.equal(weights[0], state[f"{prefix}1.weight"])
        assert found.origin["weights_file"] == str(folder / "file.pt")


def test_what_is_no_state_dict() -> None:
    assert [states_in(content) for content in (3, {}, [torch.rand(1)], {"a": 1}, {"model": {"a": 1}})] == [None] * 5


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"1.weight": torch.rand(10, 64)}, ("1.bias",)),
        ({"1.weight": torch.rand(10, 64), "2.bias": torch.rand(10)}, ("1.bias", "2.bias")),
        ({"1.weight": torch.rand(10, 63), "1.bias": torch.rand(10)}, ("1.weight", "(10, 63)", "(10, 64)")),
        ({"epoch": 3}, ("state_dict",)),
    ],
)
def test_weights_that_do_not_fit_are_named_with_the_first_keys(
    folder: Path, content: dict[str, Any], words: tuple[str, ...]
) -> None:
    torch.save(content, folder / "file.pt")
    with raises_about(OutsideModelError, "--weights") as caught:
        build("Net", folder / "file.pt")
    assert all(word in str(caught.value) for word in words)


def test_files_that_are_no_weights_are_refused(folder: Path) -> None:
    torch.save(nn.Linear(2, 2), folder / "whole.pt")
    (folder / "cut.pt").write_bytes((folder / "whole.pt").read_bytes()[:200])
    (folder / "empty.pt").touch()
    for name in ("whole.pt", "cut.pt", "empty.pt", "absent.pt", "nets_of_tests.py"):
        with raises_about(OutsideModelError, "--weights"):
            build("Net", folder / name)
    save_checkpoint(folder, make_config(), {"model": {"1.bias": torch.rand(10)}})
    with raises_about(OutsideModelError, "--weights") as caught:
        build("Net", folder / "checkpoint.pt")
    assert "CHECKPOINT" in str(caught.value)


@pytest.mark.parametrize(
    "name",
    ["nets_of_tests", "nets_of_tests:Ned", "no_nets_of_tests:Net", "nets_of_tests:number", "nets_of_tests:needy"],
)
def test_what_builds_no_model_is_refused(name: str) -> None:
    with raises_about(OutsideModelError, "--model"):
        build_outside_model(name, dataset="digits", threat_model="Linf")
