"""`python -m training.evaluate --model`: the models and images of other programs."""

import json
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from plug_ins import plug_ins
from raises_about import raises_about
from stand_ins import make_config

import training.evaluate
from training.attacks import AttackError
from training.command_line import CommandError
from training.data import DataError
from training.evaluate import main
from training.evaluation.checks import RandomisedModelError
from training.evaluation.outside_model import OutsideModelError
from training.evaluation_options import parser_of_evaluation, require_one_model
from training.explained_error import ExplainedError
from training.models import build_model
from training.outside_sources import source_hash
from training.trainer.checkpoint import CheckpointError, save_checkpoint

NETS = """
import torch
from torch import nn

class Net(nn.Sequential):
    def __init__(self, classes=10):
        super().__init__(nn.Flatten(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, classes))

class NoGradient(Net):
    def forward(self, images):
        return super().forward(images.detach())

class NotFinite(Net):
    def forward(self, images):
        return super().forward(images) / 0

class Summed(Net):
    def forward(self, images):
        return super().forward(images).mean(dim=0)

class OneRow(Net):
    def forward(self, images):
        return super().forward(images).mean(dim=0, keepdim=True)

class Random(Net):
    def forward(self, images):
        return super().forward(images + torch.rand_like(images))

class InPlace(Net):
    def forward(self, images):
        return super().forward(images.sub_(0.5))

class Coloured(Net):
    def forward(self, images):
        return super().forward(images[:, 2])

def few():
    return Net(4)
"""
DIGITS = ("--dataset", "digits", "--epsilon", "0.2", "--images", "40", "--attacks", "noise,pgd20")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    with plug_ins(tmp_path, {"evaluated_nets.py": NETS}) as found:
        yield found


def words_of(model: str, *words: str) -> list[str]:
    return ["--model", f"evaluated_nets:{model}", "--device", "cpu", *words]


def record_in(out: Path) -> dict[str, Any]:
    record: dict[str, Any] = json.loads((out / "evaluation.json").read_text())
    return record


def test_the_table_and_the_record_name_the_model_its_source_and_its_weights(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state = {"1.weight": torch.rand(32, 64), "1.bias": torch.rand(32)}
    state |= {"3.weight": torch.rand(10, 32) - 0.5, "3.bias": torch.rand(10)}
    torch.save({"state_dict": {f"module.{key}": value for key, value in state.items()}}, folder / "file.pt")
    assert main(words_of("Net", *DIGITS, "--weights", "file.pt")) == 0
    record = record_in(Path("evaluation-file-digits-quick-mean"))
    assert (record["model"], record["weights_file"], record["dataset"]) == ("evaluated_nets:Net", "file.pt", "digits")
    assert record["model_file"] == str(folder / "evaluated_nets.py")
    assert (record["source_hash"], record["images"]) == (source_hash("evaluated_nets"), 40)
    assert list(record["attacks"])[:2] == ["noise, linf 0.2", "PGD-20, linf 0.2"]
    first = capsys.readouterr().out.splitlines()[0]
    assert all(word in first for word in ("evaluated_nets:Net", record["source_hash"], "file.pt", "40 of 359"))


def test_a_file_of_arrays_takes_the_place_of_a_data_set(folder: Path) -> None:
    images = np.random.default_rng(0).random((12, 8, 8, 1))
    np.savez(folder / "mine.npz", images=images, labels=np.arange(12) % 3)
    words = ("--images", "mine.npz", "--epsilon", "8/255", "--attacks", "fgsm")
    assert main(words_of("Net", *words)) == 0
    record = record_in(Path("evaluation-evaluated_nets.Net-mine-quick-mean"))
    assert (record["images_file"], record["images"], record["epsilon"]) == ("mine.npz", 12, 8 / 255)
    (remark,) = record["remarks"]  # labels 0 to 2, and the model has a logit for each of ten digits
    assert "10 logits" in remark
    config = make_config()
    with torch.random.fork_rng():
        model = build_model(config, 10, (1, 8, 8))
    names = [f"class {label}" for label in range(10)]
    save_checkpoint(folder / "run", config, {"epoch": 3, "model": model.state_dict(), "class_names": names})
    assert main(["run", "--device", "cpu", *words]) == 0
    assert record_in(Path("run/evaluation-checkpoint-quick-mean"))["images_file"] == "mine.npz"
    for known, code in ((names, 0), (names[::-1], 2)):
        np.savez(folder / "mine.npz", images=images, labels=np.arange(12) % 3, class_names=np.array(known))
        assert main(["run", "--device", "cpu", *words, "--out", f"out-{code}"]) == code
    assert not Path("out-2").exists()


def refused(kind: type[ExplainedError], subject: object, words: list[str]) -> str:
    """Check what is raised, that the command then ends with 2, and that nothing was written."""
    words = [*words, "--out", "out"]
    arguments = parser_of_evaluation().parse_args(words)
    with raises_about(kind, subject) as caught:
        require_one_model(arguments)
        training.evaluate._evaluate(arguments, training.evaluate._progress)
    assert main(words) == 2
    assert not Path("out").exists()
    return str(caught.value)


@pytest.mark.parametrize(
    ("model", "kind", "subject"),
    [
        ("NoGradient", AttackError, "gradient"),
        ("NotFinite", AttackError, "logits"),
        ("Summed", AttackError, (10,)),
        ("OneRow", AttackError, (1, 10)),
        ("Random", RandomisedModelError, "latent"),
        ("InPlace", OutsideModelError, "--model"),
        ("Coloured", OutsideModelError, "--model"),
        ("few", OutsideModelError, 4),
        ("absent", OutsideModelError, "--model"),
    ],
)
def test_models_that_cannot_be_attacked_are_refused(model: str, kind: type[ExplainedError], subject: object) -> None:
    refused(kind, subject, words_of(model, *DIGITS))


@pytest.mark.parametrize(
    ("words", "subject"),
    [
        ([], ("CHECKPOINT", "--model")),
        (["a", "--model", "b:c"], ("CHECKPOINT", "--model")),
        (["a", "--weights", "b"], "--weights"),
        (["a", "--dataset", "digits"], "--dataset"),
        (["a", "--threat-model", "L2"], "--threat-model"),
        (["--model", "a:b", "--dataset", "digits", "--threat-model", "L2"], "--threat-model"),
        (["--model", "a:b"], "--dataset"),
        (["--model", "a:b", "--images", "20"], "--dataset"),
        (["--model", "robustbench:a", "--images", "b.npz", "--epsilon", "0.1"], "--dataset"),
        (["--model", "a:b", "--dataset", "digits"], "--epsilon"),
        (["--model", "a:b", "--images", "c.npz"], "--epsilon"),
    ],
)
def test_options_that_do_not_go_together_are_refused(words: list[str], subject: object) -> None:
    refused(CommandError, subject, words)


def test_data_that_do_not_fit_are_refused(folder: Path) -> None:
    refused(DataError, "--dataset", words_of("Net", "--dataset", "digit", "--epsilon", "0.2"))
    refused(DataError, Path("absent.npz"), words_of("Net", "--images", "absent.npz", "--epsilon", "0.2"))
    np.savez(folder / "more.npz", images=np.zeros((2, 1, 8, 8)), labels=np.array([3, 12]))
    refused(OutsideModelError, 10, words_of("Net", "--images", "more.npz", "--epsilon", "0.2"))
    refused(AttackError, "bottleneck", words_of("Net", *DIGITS, "--latent", "sampled"))
    with pytest.raises(SystemExit):
        main(words_of("Net", "--images", "some"))


def test_weights_of_another_program_are_no_checkpoint_but_the_sentence_says_what_to_do(folder: Path) -> None:
    torch.save({"net": {"module.weight": torch.rand(3)}}, folder / "file.pt")
    message = refused(CheckpointError, (Path("file.pt"), "--model"), ["file.pt"])
    assert "--weights file.pt" in message


def test_results_of_another_source_are_not_mixed_in(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(_done: int, _total: int, attack: str) -> None:
        if attack.startswith("PGD"):
            raise KeyboardInterrupt

    words = words_of("Net", *DIGITS, "--out", "out")
    assert main(words, lambda: nullcontext(interrupted)) == 130
    assert main(words_of("few", *DIGITS, "--out", "out")) == 2
    state = json.loads((folder / "out" / "state.json").read_text())
    assert (state["configuration"]["model"], state["configuration"]["source_hash"]) == (
        "evaluated_nets:Net",
        source_hash("evaluated_nets"),
    )
    state["configuration"]["source_hash"] = "another"
    (folder / "out" / "state.json").write_text(json.dumps(state))
    capsys.readouterr()
    assert main(words) == 2
    assert "source_hash" in capsys.readouterr().err
    assert not (folder / "out" / "evaluation.json").exists()
