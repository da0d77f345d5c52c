"""Models of RobustBench: a stand-in takes the place of the package, or nothing does."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from plug_ins import plug_ins
from raises_about import raises_about

from training.evaluation.outside_model import OutsideModelError, build_outside_model

UTILS = """
from torch import nn

def load_model(*, model_name, dataset, threat_model):
    if model_name != "Known":
        raise KeyError(model_name)
    net = nn.Sequential(nn.Flatten(), nn.Linear(3072, 10))
    net.asked = (dataset, threat_model)
    return net
"""


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.syspath_prepend(tmp_path)
    with plug_ins(tmp_path, {"robustbench/__init__.py": "", "robustbench/utils.py": UTILS}) as folder:
        yield folder


@pytest.mark.usefixtures("stand_in")
def test_the_package_loads_the_model_for_data_set_and_threat_model() -> None:
    found = build_outside_model("robustbench:Known", dataset="cifar10", threat_model="L2")
    assert found.model.asked == ("cifar10", "L2")
    assert (found.origin["model"], found.origin["threat_model"]) == ("robustbench:Known", "L2")
    assert found.origin["source_hash"]
    with raises_about(OutsideModelError, "--model"):
        build_outside_model("robustbench:Other", dataset="cifar10", threat_model="Linf")


def test_without_the_package_the_sentence_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "robustbench", None)
    with raises_about(OutsideModelError, "--model") as caught:
        build_outside_model("robustbench:Known", dataset="cifar10", threat_model="Linf")
    assert "pip install robustbench" in str(caught.value)
