import json
import subprocess
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from plug_ins import plug_ins
from raises_about import raises_about
from stand_ins import make_config, write_sealed

import training.evaluate
from training import evaluation_options
from training.config import TrialConfig, parse_trial
from training.data import DataError, load_test_set, load_trial_data
from training.data.augment import to_unit
from training.evaluate import main
from training.evaluation import balanced_subset
from training.evaluation.trained_model import load_model
from training.explained_error import ExplainedError
from training.models import build_model
from training.outside_sources import source_hash
from training.trainer import Trainer
from training.trainer.checkpoint import CheckpointError, save_checkpoint

DIGITS = make_config(epsilon=0.2, eval_attack_step_size=0.05)


NAMES = tuple(map(str, range(10)))


def write_checkpoint(
    folder: Path, config: TrialConfig = DIGITS, *, names: Sequence[str] = NAMES, seed: int = 0
) -> Path:
    """Write what a trainer would, with weights as they are drawn."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = build_model(config, len(names), (1, 8, 8))
    save_checkpoint(folder, config, {"epoch": 3, "model": model.state_dict(), "class_names": list(names)})
    return folder / "checkpoint.pt"


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    return write_checkpoint(tmp_path / "run")


def start(path: Path, *words: str) -> int:
    return main([str(path), "--device", "cpu", *words])


def record_of(path: Path, out: Path, *words: str) -> dict[str, Any]:
    """Evaluate a checkpoint, and return what was written."""
    assert start(path, *words, "--out", str(out)) == 0
    record: dict[str, Any] = json.loads((out / "evaluation.json").read_text())
    return record


QUICK = ("--images", "60", "--attacks", "noise,pgd20,apgd_ce")
OWN = ("--images", "10", "--attacks", "own_attack:SignFlip(steps=5, side=2)")
OWN_ATTACK = Path(__file__).parents[2] / "examples" / "own_attack.py"


def test_writes_table_json_and_pictures(checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record = record_of(checkpoint, tmp_path / "out", *QUICK)
    shown = capsys.readouterr().out
    assert {"60", "359", "mean"} <= set(shown.splitlines()[0].split())
    assert f"{100 * record['natural_accuracy']:.2f}" in shown
    assert list(record["attacks"])[:3] == ["noise, linf 0.2", "PGD-20, linf 0.2", "APGD-CE, linf 0.2"]
    attacks = record["attacks"].values()
    assert record["worst_case_accuracy"] <= min(entry["accuracy"] for entry in attacks if entry["epsilon"] <= 0.2)
    assert (record["epoch"], record["architecture"], record["images"]) == (3, "digits_cnn", 60)
    assert record["config"]["epsilon"] == 0.2
    for picture in ("accuracy.png", "examples.png"):
        assert (tmp_path / "out" / picture).read_bytes().startswith(b"\x89PNG")


LOGITS = """
from torch import nn

def net(image_shape, num_classes):
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(144, num_classes))
"""


def test_a_network_that_ends_with_logits_is_evaluated(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with plug_ins(tmp_path, {"nets_with_logits.py": LOGITS}):
        config = make_config(architecture="nets_with_logits:net", bottleneck=0, objective="trades", epsilon=0.2)
        path, out = write_checkpoint(tmp_path / "run", config), tmp_path / "out"
        record = record_of(path, out, *QUICK, "--surrogate", str(path), "--layers", "backbone.1")
        model = load_model(path, (1, 8, 8)).model
        images = load_test_set(config)
        assert start(path, *QUICK, "--latent", "sampled", "--out", str(out)) == 2
    assert "mean" in capsys.readouterr().err, "there is nothing to sample"
    chosen = images.subset(balanced_subset(images.labels, 60, seed=0))
    with torch.no_grad():
        predicted = model.backbone(to_unit(chosen.images)).argmax(dim=1)
    assert record["natural_accuracy"] == (predicted == chosen.labels).double().mean().item()
    assert record["architecture"] == "nets_with_logits:net"


def test_a_folder_will_do_and_results_lie_beside_the_checkpoint(checkpoint: Path) -> None:
    assert start(checkpoint.parent, *QUICK) == 0
    assert (checkpoint.parent / "evaluation-checkpoint-quick-mean" / "evaluation.json").is_file()
    checkpoint.rename(checkpoint.with_name("best.pt"))
    assert start(checkpoint.parent, *QUICK) == 0
    assert (checkpoint.parent / "evaluation-best-quick-mean" / "evaluation.json").is_file()


def test_an_interruption_is_resumed(checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, whole = tmp_path / "out", tmp_path / "whole"
    expected = record_of(checkpoint, whole, *QUICK, "--batch-size", "25")
    words = [str(checkpoint), "--device", "cpu", *QUICK, "--batch-size", "25", "--out", str(out)]

    def interrupted(_done: int, _total: int, attack: str) -> None:
        if attack.startswith("PGD"):
            raise KeyboardInterrupt

    assert main(words, lambda: nullcontext(interrupted)) == 130
    command = capsys.readouterr().err.splitlines()[-1].split()
    assert command == ["python", "-m", "training.evaluate", *words]
    assert not (out / "evaluation.json").exists()
    assert main(command[3:]) == 0
    assert json.loads((out / "evaluation.json").read_text()) == expected


def test_no_other_seed_is_mixed_in(checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = ("--out", str(tmp_path / "out"))
    assert start(checkpoint, *QUICK, *out) == 0
    assert start(checkpoint, *QUICK, *out, "--seed", "1") == 2
    assert str(tmp_path / "out" / "state.json") in capsys.readouterr().err


def test_sampled_latents_and_a_surrogate(checkpoint: Path, tmp_path: Path) -> None:
    other = write_checkpoint(tmp_path / "other", seed=1)
    words = ("--images", "20", "--attacks", "pgd20,cw", "--latent", "sampled", "--surrogate", str(other))
    record = record_of(checkpoint, tmp_path / "out", *words)
    assert (record["attack_draws"], record["prediction_draws"]) == (20, 50)
    names = [entry["name"] for entry in record["attacks"].values() if not entry["curve"]]
    assert names[:2] == ["PGD-20 (EOT 20)", "C&W (c=1, 20 steps) on the mean path"]
    assert names[2:] == [
        f"transfer of {name}" for name in ("PGD-10", "PGD-20", "PGD-40", "C&W (c=1, 20 steps)", "Square")
    ]
    made = sorted(path.stat().st_mtime_ns for path in (tmp_path / "other" / "transfer").iterdir())
    assert len(made) == 5
    again = ("--images", "20", "--attacks", "fgsm", "--surrogate", str(other), "--out", str(tmp_path / "again"))
    assert start(checkpoint, *again) == 0
    kept = sorted(path.stat().st_mtime_ns for path in (tmp_path / "other" / "transfer").iterdir())
    assert kept == made, "the surrogate's images serve every model"


def test_layers_add_the_representation_attack_and_its_picture(checkpoint: Path, tmp_path: Path) -> None:
    words = ("--images", "10", "--attacks", "fgsm", "--layers", "backbone.5,bottleneck", "--epsilon", "0.3")
    record = record_of(checkpoint, tmp_path / "out", *words)
    names = [entry["name"] for entry in record["attacks"].values() if not entry["curve"]]
    assert names == ["FGSM", "ARA-20 backbone.5", "ARA-20"]
    assert (tmp_path / "out" / "representations.png").read_bytes().startswith(b"\x89PNG")


def test_epsilon_may_be_a_fraction(checkpoint: Path, tmp_path: Path) -> None:
    record = record_of(checkpoint, tmp_path / "out", *QUICK, "--epsilon", "8/255")
    assert record["epsilon"] == 8 / 255
    assert record["attacks"]["PGD-20, linf 0.03137"]["parameters"]["step_size"] == repr(0.05 * (8 / 255) / 0.2)


def test_l2_is_asked_for_or_that_of_the_training(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    in_linf = write_checkpoint(tmp_path / "linf")
    in_l2 = write_checkpoint(tmp_path / "l2", make_config(norm="l2", epsilon=0.8, eval_attack_step_size=0.2))
    assert start(in_linf, *QUICK, "--norm", "l2", "--epsilon", "0.5") == 0
    record = json.loads((in_linf.parent / "evaluation-checkpoint-quick-mean-l2" / "evaluation.json").read_text())
    assert (record["norm"], record["epsilon"]) == ("l2", 0.5)
    assert list(record["attacks"])[:3] == ["noise, l2 0.5", "PGD-20, l2 0.5", "APGD-CE, l2 0.5"]
    assert record["curve"][-1][0] == 0.5 * 8, "every image of 64 values can become grey"
    assert ["worst", "over", "these", "attacks", "l2", "0.5"] in [
        line.split()[:6] for line in capsys.readouterr().out.splitlines()
    ]
    own = record_of(in_l2, tmp_path / "own", "--images", "10", "--attacks", "fgsm")
    assert (own["norm"], own["epsilon"]) == ("l2", 0.8)
    other = record_of(
        in_l2, tmp_path / "other", "--images", "10", "--attacks", "fgsm", "--norm", "linf", "--epsilon", "0.1"
    )
    assert next(iter(other["attacks"])) == "FGSM, linf 0.1"


def test_an_attack_of_the_user_is_recorded_with_its_file(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with plug_ins(tmp_path, {"own_attack.py": OWN_ATTACK.read_text()}):
        monkeypatch.chdir(tmp_path)
        record = record_of(checkpoint, tmp_path / "out", *OWN)
        assert f"own_attack from {tmp_path / 'own_attack.py'}" in capsys.readouterr().out
        (own,) = (entry for entry in record["attacks"].values() if not entry["curve"])
        assert (own["name"], own["epsilon"]) == ("own_attack:SignFlip(steps=5, side=2)", 0.2)
        assert own["parameters"]["source"] == source_hash("own_attack")
        (tmp_path / "own_attack.py").write_text(OWN_ATTACK.read_text() + "# changed\n")
        assert start(checkpoint, *OWN, "--out", str(tmp_path / "out")) == 2, "it would mix the results of two codes"
    assert record["worst_case_accuracy"] <= own["accuracy"] <= record["natural_accuracy"]


def test_an_attack_of_the_user_is_tried_before_the_evaluation(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with plug_ins(tmp_path, {"wild_attack.py": "def far(images):\n    return 1 - images\n"}):
        monkeypatch.chdir(tmp_path)
        assert start(checkpoint, "--attacks", "noise,wild_attack:far", "--out", str(tmp_path / "out")) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert (len(said.err.splitlines()), str(tmp_path / "wild_attack.py") in said.err) == (1, True)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--epsilon", "8"], "epsilon"),
        (["--epsilon", "0"], "epsilon"),
        (["--epsilon", "x"], "--epsilon"),
        (["--norm", "l2"], "epsilon"),
        (["--norm", "l2", "--epsilon", "128"], "0.502"),
        (["--norm", "l2", "--epsilon", "1", "--layers", "bottleneck"], "--layers"),
        (["--norm", "l2", "--epsilon", "1", "--suite", "paper_as_run"], "paper_as_run"),
        (["--norm", "l2", "--epsilon", "1", "--attacks", "representation"], "representation"),
        (["--epsilon", "nan"], "epsilon"),
        (["--epsilon", "1e400"], "epsilon"),
        (["--epsilon", "1e999999999"], "epsilon"),
        (["--images", "0"], "359"),
        (["--images", "360"], "359"),
        (["--attacks", "pgd20,pdg"], "pgd"),
        (["--attacks", "help"], "--attacks"),
        (["--layers", "conv9"], "backbone.0"),
        (["--surrogate", "absent.pt"], "absent.pt"),
        (["--batch-size", "0"], "--batch-size"),
        (["--threads", "0"], "--threads"),
        (["--threads", "100000000000"], "--threads"),
        (["--seed", str(2**64)], "--seed"),
        (["--seed", "-1"], "--seed"),
    ],
)
def test_wrong_usage_ends_with_2_and_writes_nothing(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], expected: str
) -> None:
    assert start(checkpoint, *words, "--out", str(tmp_path / "out")) == 2
    assert expected in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_unfit_checkpoints_are_refused(checkpoint: Path, tmp_path: Path) -> None:
    def refused(path: Path, subject: object, *words: str, kind: type[ExplainedError] = CheckpointError) -> None:
        words = (str(path), "--device", "cpu", *QUICK, "--out", str(tmp_path / "out"), *words)
        with raises_about(kind, subject):
            training.evaluate._evaluate(
                evaluation_options.parser_of_evaluation().parse_args(words), training.evaluate._progress
            )
        assert not (tmp_path / "out").exists()

    refused(tmp_path / "absent.pt", tmp_path / "absent.pt")
    refused(tmp_path, tmp_path)
    state = torch.load(checkpoint, weights_only=True)["state"]
    other = replace(DIGITS, bottleneck=7)
    save_checkpoint(tmp_path / "mixed", other, state)
    refused(tmp_path / "mixed", (tmp_path / "mixed" / "checkpoint.pt", "architecture"))
    too_small = replace(DIGITS, architecture="cnn4")
    save_checkpoint(tmp_path / "small", too_small, state)
    refused(tmp_path / "small", (tmp_path / "small" / "checkpoint.pt", "architecture"))
    save_checkpoint(tmp_path / "empty", DIGITS, {"epoch": 1})
    refused(tmp_path / "empty", (tmp_path / "empty" / "checkpoint.pt", "model"))
    state = {key: value for key, value in state.items() if key != "class_names"}
    save_checkpoint(tmp_path / "unnamed", DIGITS, state)
    refused(tmp_path / "unnamed", (tmp_path / "unnamed" / "checkpoint.pt", "class_names"))
    folder = write_checkpoint(tmp_path / "folder", parse_trial({**DIGITS.to_mapping(), "dataset": "folder"}))
    nowhere = tmp_path / "nowhere"
    refused(folder, nowhere / "train", "--data-root", str(nowhere), kind=DataError)
    content = torch.load(checkpoint, weights_only=True)
    content["config"]["wheels"] = 4
    write_sealed(checkpoint, content)
    refused(checkpoint, (checkpoint, "wheels"))
    write_sealed(checkpoint, {"weights": 1})
    refused(checkpoint, (checkpoint, "format"))
    checkpoint.write_bytes(checkpoint.read_bytes()[:-100])
    refused(checkpoint, checkpoint)


@pytest.mark.parametrize("names", [NAMES[:4], NAMES[::-1], tuple("abcdefghij"), (*NAMES, "10")])
def test_a_model_or_a_surrogate_of_other_classes_is_refused(
    checkpoint: Path, tmp_path: Path, names: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    other = write_checkpoint(tmp_path / "other", names=names)
    for words in ([str(other)], [str(checkpoint), "--surrogate", str(other)]):
        assert main([*words, "--device", "cpu", *QUICK, "--out", str(tmp_path / "out")]) == 2
        assert str(other) in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_diverged_model_ends_with_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_checkpoint(tmp_path / "run")
    state = torch.load(path, weights_only=True)["state"]
    state["model"]["head.bias"] += torch.nan
    save_checkpoint(path.parent, DIGITS, state)
    assert start(path, *QUICK) == 2
    assert "logits" in capsys.readouterr().err


def test_needs_neither_the_tuner_nor_its_libraries() -> None:
    code = """
import sys
for name in ("ray", "optuna", "mlflow", "torchattacks", "tuner"):
    sys.modules[name] = None
import training.evaluation
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_epoch_is_the_one_that_training_selects_or_the_one_that_is_asked_for(tmp_path: Path) -> None:
    config = make_config(epochs=3, select="best", learning_rate=0.01, train_fraction=0.1, eval_images=20)
    trainer = Trainer(config, load_trial_data(config), "cpu")
    for _ in range(3):
        trainer.train_epoch()
        trainer.save_best(tmp_path)
        trainer.history[0]["selection_accuracy"] = 2.0  # no later epoch is as good
    trainer.save(tmp_path)
    best = trainer.selected_epoch
    assert best == 1
    path, shape = tmp_path / "checkpoint.pt", (1, 8, 8)
    epochs = [load_model(path, shape, select).epoch for select in (None, "best", "last")]
    assert epochs == [best, best, 3]
    assert load_model(tmp_path / "best.pt", shape).epoch == load_model(tmp_path, shape, "best").epoch == best
    assert start(path, *QUICK, "--select", "last") == 0
    record = json.loads((tmp_path / "evaluation-checkpoint-last-quick-mean" / "evaluation.json").read_text())
    assert record["epoch"] == 3
    assert start(tmp_path / "best.pt", *QUICK, "--select", "last") == 2
