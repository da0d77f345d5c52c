import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from stand_ins import make_config, write_sealed

import training.evaluate
from training.config import TrialConfig
from training.evaluate import main
from training.evaluation import SUITES
from training.models import build_model
from training.trainer.checkpoint import save_checkpoint

DIGITS = make_config(epsilon=0.2, eval_attack_step_size=0.05)


def write_checkpoint(folder: Path, config: TrialConfig = DIGITS, *, classes: int = 10, seed: int = 0) -> Path:
    """Write what a trainer would, with weights as they are drawn."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = build_model(config, classes, (1, 8, 8))
    save_checkpoint(folder, config, {"epoch": 3, "model": model.state_dict()})
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


def test_writes_table_json_and_pictures(checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record = record_of(checkpoint, tmp_path / "out", *QUICK)
    shown = capsys.readouterr().out
    assert "60 of 359 test images, latent mean" in shown
    assert f"{100 * record['natural_accuracy']:.2f}" in shown
    assert list(record["attacks"])[:3] == ["noise, linf 0.2", "PGD-20, linf 0.2", "APGD-CE, linf 0.2"]
    attacks = record["attacks"].values()
    assert record["worst_case_accuracy"] <= min(entry["accuracy"] for entry in attacks if entry["epsilon"] <= 0.2)
    assert (record["epoch"], record["architecture"], record["images"]) == (3, "digits_cnn", 60)
    assert record["config"]["epsilon"] == 0.2
    for picture in ("accuracy.png", "examples.png"):
        assert (tmp_path / "out" / picture).read_bytes().startswith(b"\x89PNG")


def test_a_folder_will_do_and_results_lie_beside_the_checkpoint(checkpoint: Path) -> None:
    assert start(checkpoint.parent, *QUICK) == 0
    assert (checkpoint.parent / "evaluation-checkpoint-quick-mean" / "evaluation.json").is_file()
    checkpoint.rename(checkpoint.with_name("best.pt"))
    assert start(checkpoint.parent, *QUICK) == 0
    assert (checkpoint.parent / "evaluation-best-quick-mean" / "evaluation.json").is_file()


def test_an_interrupted_evaluation_goes_on_with_the_same_command(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out, whole = tmp_path / "out", tmp_path / "whole"
    expected = record_of(checkpoint, whole, *QUICK, "--batch-size", "25")
    words = [str(checkpoint), "--device", "cpu", *QUICK, "--batch-size", "25", "--out", str(out)]

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("training.attacks.first_order.Pgd.__call__", interrupted)
        assert main(words) == 130
    command = capsys.readouterr().err.splitlines()[-1].split()
    assert command == ["python", "-m", "training.evaluate", *words]
    assert not (out / "evaluation.json").exists()
    assert main(command[3:]) == 0
    assert json.loads((out / "evaluation.json").read_text()) == expected


def test_another_configuration_is_not_mixed_in(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = ("--out", str(tmp_path / "out"))
    assert start(checkpoint, *QUICK, *out) == 0
    assert start(checkpoint, *QUICK, *out, "--seed", "1") == 2
    assert "belongs to another evaluation" in capsys.readouterr().err


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


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--epsilon", "8"], "epsilon is 8, but must be in [0, 1]"),
        (["--epsilon", "0"], "must be above 0"),
        (["--epsilon", "x"], "'x', but must be a number such as 0.031 or 8/255"),
        (["--images", "0"], "from 1 to 359"),
        (["--images", "360"], "from 1 to 359"),
        (["--attacks", "pgd20,pgd"], "must be among noise, fgsm"),
        (["--attacks", "help"], "The attacks are noise, fgsm"),
        (["--layers", "conv9"], "no layer conv9; it has backbone, backbone.0"),
        (["--surrogate", "absent.pt"], "absent.pt does not exist"),
        (["--batch-size", "0"], "--batch-size is 0"),
        (["--threads", "0"], "--threads is 0"),
        (["--seed", "-1"], "--seed is -1"),
    ],
)
def test_wrong_usage_ends_with_2_and_writes_nothing(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], expected: str
) -> None:
    assert start(checkpoint, *words, "--out", str(tmp_path / "out")) == 2
    assert expected in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_unfit_checkpoints_end_with_2(checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def complaint(path: Path, *words: str) -> str:
        assert start(path, *QUICK, "--out", str(tmp_path / "out"), *words) == 2
        assert not (tmp_path / "out").exists()
        return capsys.readouterr().err

    assert "does not exist" in complaint(tmp_path / "absent.pt")
    assert all(word in complaint(tmp_path) for word in (str(tmp_path), "checkpoint.pt", "best.pt"))
    state = torch.load(checkpoint, weights_only=True)["state"]
    other = replace(DIGITS, bottleneck=7)
    save_checkpoint(tmp_path / "mixed", other, state)
    assert "do not fit the architecture digits_cnn with 10 classes" in complaint(tmp_path / "mixed")
    too_small = replace(DIGITS, architecture="cnn4")
    save_checkpoint(tmp_path / "small", too_small, state)
    assert "The images are 8x8" in complaint(tmp_path / "small")
    save_checkpoint(tmp_path / "empty", DIGITS, {"epoch": 1})
    assert "`model`" in complaint(tmp_path / "empty")
    assert "label 9, but the model in" in complaint(write_checkpoint(tmp_path / "few", classes=4))
    fewer = write_checkpoint(tmp_path / "more", classes=12)
    assert "has 12 classes, but the model 10" in complaint(checkpoint, "--surrogate", str(fewer))
    folder = write_checkpoint(tmp_path / "folder", replace(DIGITS, dataset="folder"))
    assert "nowhere" in complaint(folder, "--data-root", str(tmp_path / "nowhere"))
    content = torch.load(checkpoint, weights_only=True)
    content["config"]["wheels"] = 4
    write_sealed(checkpoint, content)
    assert "wheels: unknown key" in complaint(checkpoint)
    write_sealed(checkpoint, {"weights": 1})
    assert "format None" in complaint(checkpoint)
    checkpoint.write_bytes(checkpoint.read_bytes()[:-100])
    assert "cannot be read" in complaint(checkpoint)


def test_a_diverged_model_ends_with_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_checkpoint(tmp_path / "run")
    state = torch.load(path, weights_only=True)["state"]
    state["model"]["head.bias"] += torch.nan
    save_checkpoint(path.parent, DIGITS, state)
    assert start(path, *QUICK) == 2
    assert "it has diverged" in capsys.readouterr().err


def test_the_command_knows_the_suites() -> None:
    assert training.evaluate._SUITES == SUITES


def test_needs_neither_the_tuner_nor_its_libraries() -> None:
    code = """
import sys
for name in ("ray", "optuna", "mlflow", "torchattacks", "tuner"):
    sys.modules[name] = None
import training.evaluation
"""
    subprocess.run([sys.executable, "-c", code], check=True)
