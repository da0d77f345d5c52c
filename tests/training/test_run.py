import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from stand_ins import without_seconds, words_in

import training.run
from training.config import parse_trial
from training.data import forget_data
from training.evaluate import main as evaluate
from training.run import main
from training.trainer import OnStep, Trainer
from training.yaml_text import read_yaml

DIGITS = Path(training.run.__file__).parent / "configs" / "digits.yaml"
TINY_VALUES = ("epochs=2", "attack_steps=1", "eval_attack_steps=1", "train_fraction=0.2")
TINY = [*(word for value in TINY_VALUES for word in ("--set", value)), "--device", "cpu"]


@pytest.fixture
def out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that does not exist yet; the working directory is one that no test may write to by default."""
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path / "out"


def start(*words: str, config: Path = DIGITS) -> int:
    return main(["--config", str(config), *words])


def read_metrics(folder: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def test_trains_and_writes_its_files(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert start(*TINY, "--set", "lambda=1e-2", "--out", str(out)) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines] == ["train", "test", "precision", "epoch 1/2", "epoch 2/2", "done"]
    metrics = read_metrics(out)
    assert [entry["epoch"] for entry in metrics] == [1, 2]
    assert f"natural_accuracy {metrics[-1]['natural_accuracy']:.4f}" in lines[-1]
    config = parse_trial(read_yaml(out / "config.yaml"))
    assert (config.knobs["lam"], config.epochs, config.dataset) == (0.01, 2, "digits")
    assert (out / "checkpoint.pt").is_file()
    best = torch.load(out / "best.pt", weights_only=True)["state"]
    accuracies = [entry["pgd_accuracy"] for entry in metrics]
    assert best["epoch"] == 1 + accuracies.index(max(accuracies))
    assert best["metrics"]["pgd_accuracy"] == max(accuracies)


def test_epochs_between_two_evaluations(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert start(*TINY, "--set", "eval_every=2", "--out", str(out)) == 0
    *_, first, second, _ = capsys.readouterr().out.splitlines()
    assert ["natural_accuracy" in line for line in (first, second)] == [False, True]
    assert ["pgd_accuracy" in entry for entry in read_metrics(out)] == [False, True]
    assert torch.load(out / "best.pt", weights_only=True)["state"]["epoch"] == 2


@pytest.mark.parametrize("finished", [0, 1])
def test_an_interruption_tells_how_to_continue(out: Path, capsys: pytest.CaptureFixture[str], finished: int) -> None:
    class Interrupted(Trainer):
        def train_epoch(self, on_step: OnStep | None = None) -> dict[str, float]:
            if self.epoch == finished:
                raise KeyboardInterrupt
            return super().train_epoch(on_step)

    words = ["--config", str(DIGITS), *TINY, "--out", str(out)]
    assert main(words, Interrupted) == 130
    command = capsys.readouterr().err.splitlines()[-1].split()
    # Before the first checkpoint there is nothing to resume from.
    assert command == ["python", "-m", "training.run", *words, *["--resume"][:finished]]
    assert main(command[3:]) == 0
    assert start(*TINY, "--out", str(out.with_name("whole"))) == 0
    assert without_seconds(read_metrics(out)) == without_seconds(read_metrics(out.with_name("whole")))


def test_a_finished_run_is_neither_trained_nor_overwritten(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert start(*TINY, "--out", str(out)) == 0
    expected, checkpoint = read_metrics(out), (out / "checkpoint.pt").read_bytes()
    assert start(*TINY, "--out", str(out)) == 2
    assert "--resume" in capsys.readouterr().err
    assert start(*TINY, "--set", "alpha=0.75", "--out", str(out), "--resume") == 2
    assert words_in(capsys.readouterr().err, ("alpha", "0.5", "0.75")) == ["alpha", "0.5", "0.75"]
    assert start(*TINY, "--out", str(out), "--resume") == 0
    labels = [line.split(":")[0] for line in capsys.readouterr().out.splitlines()]
    assert labels[-4:] == ["train", "test", "precision", "done"]
    assert read_metrics(out) == expected
    assert (out / "checkpoint.pt").read_bytes() == checkpoint


def test_divergence_ends_with_1(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert start(*TINY, "--set", "learning_rate=1e30", "--out", str(out)) == 1
    assert "loss/" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--set", "alpha=2", "--set", "beta=-1"], ["alpha", "beta"]),
        (["--set", "lamda=2"], ["lamda", "lambda"]),
        (["--set", "alpha"], ["--set", "'alpha'", "KEY=VALUE"]),
        (["--set", "alpha=[1"], ["--set", "'alpha=[1'"]),
        (["--set", "alpha=!!bool x"], ["--set", "'alpha=!!bool x'"]),
        (["--set", "alpha=0.1", "--set", "alpha=0.9"], ["alpha=0.1", "alpha=0.9"]),
        (["--set", "data_root=here", "--data-root", "there"], ["data_root=here", "--data-root"]),
        (["--set", "alpha=0_1"], ["alpha", "'0_1'"]),
        (["--set", "preset=cifar10_trade"], ["preset", "'cifar10_trade'", "cifar10_trades?"]),
        (["--set", "batch_size=5000"], ["batch_size", "5000"]),
        (["--set", "architecture=cnn4"], ["architecture", "8x8"]),
        (["--set", "dataset=folder", "--data-root", "absent"], ["absent"]),
        (["--resume"], ["checkpoint.pt"]),
        (["--config", "cifar10_trade"], ["cifar10_trades?", "mnist_mart"]),
        (["--config", "zzz"], ["zzz", "cifar100_mart"]),
        (["--config", "mnist_trades", "--data-root", "absent"], ["absent"]),
        (["--set", "bottleneck=0"], ["regularise", "bottleneck"]),
        (["--threads", "0"], ["--threads", "0"]),
    ],
)
def test_wrong_usage_ends_with_2_and_writes_nothing(
    out: Path, capsys: pytest.CaptureFixture[str], words: list[str], expected: list[str]
) -> None:
    assert start(*words, "--device", "cpu", "--out", str(out)) == 2
    message = capsys.readouterr().err
    assert all(text in message for text in expected)
    assert not out.exists()


def test_an_objective_from_the_command_line_leaves_the_keys_of_the_files_one_out(
    out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert start(*TINY, "--set", "objective=trades", "--out", str(out)) == 0
    assert {"alpha", "beta"} <= set(re.findall(r"\w+", capsys.readouterr().out.splitlines()[0]))
    assert {"alpha", "beta"}.isdisjoint(read_yaml(out / "config.yaml"))
    assert start(*TINY, "--set", "objective=trades", "--set", "alpha=0.5", "--out", str(out)) == 2
    assert "alpha" in capsys.readouterr().err
    preset = out.with_name("config.yaml")
    preset.write_text("preset: mnist_mma\nmax_margin: 2\n")
    assert start("--set", "epochs=1", "--out", str(out), config=preset) == 2
    assert "max_margin" in capsys.readouterr().err, "the preset's objective reads it"
    assert start(*TINY, "--set", "objective=trades", "--set", "beta=0.5", "--out", str(out)) == 2
    assert "beta" in capsys.readouterr().err


@pytest.mark.parametrize("content", ["a: [", "- 1", ""])
def test_a_file_without_keys_is_refused(out: Path, capsys: pytest.CaptureFixture[str], content: str) -> None:
    config = out.with_name("config.yaml")
    config.write_text(content)
    assert start("--out", str(out), config=config) == 2
    assert str(config) in capsys.readouterr().err
    assert start("--out", str(out), config=out.with_name("absent.yaml")) == 2
    assert not out.exists()


def test_it_starts_from_a_file_and_resumes_with_the_same_file_only(
    out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert start(*TINY, "--out", str(out)) == 0
    file = out.parent / "start.pt"
    torch.save(torch.load(out / "best.pt", weights_only=True)["state"]["model"], file)
    words = (*TINY, "--set", f"start_weights={file}", "--out", str(out.parent / "second"))
    capsys.readouterr()
    assert start(*words) == 0
    assert str(file) in capsys.readouterr().out
    assert start(*words, "--resume") == 0
    torch.save({key: 2 * value for key, value in torch.load(file, weights_only=True).items()}, file)
    for _ in range(2):
        assert start(*words, "--resume") == 2
        assert "start_weights" in capsys.readouterr().err
        file.unlink(missing_ok=True)


def test_a_file_of_arrays_is_trained_on_and_evaluated(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    labels = np.arange(60) % 3
    pixels = np.random.default_rng(0).random((60, 8, 8)) / 2 + labels[:, None, None] / 6
    file, names = out.parent / "mine.npz", np.array(["ant", "bee", "cat"])
    np.savez(file, images=pixels, labels=labels, class_names=names)
    data = ("--set", "dataset=arrays", "--data-root", str(file), "--set", "batch_size=16")
    assert start(*TINY[:6], *data, "--out", str(out), "--device", "cpu") == 0
    assert torch.load(out / "checkpoint.pt", weights_only=True)["state"]["class_names"] == names.tolist()
    attack = ("--attacks", "fgsm", "--epsilon", "0.1", "--device", "cpu")
    assert evaluate([str(out), *attack]) == 0
    assert "3 classes of 4" in capsys.readouterr().out
    np.savez(file, images=pixels, labels=labels, class_names=names[[0, 2, 1]])
    forget_data()
    assert evaluate([str(out), *attack]) == 2
    assert "class" in capsys.readouterr().err
